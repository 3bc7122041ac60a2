"""What the Helm chart must hold in every form, beside what the schemas of Kubernetes say.

Usage: chart.py HELM CHART. Renders the chart with several values, validates each manifest against the
schemas of several versions of Kubernetes, and tries values that must be refused.
"""

import subprocess
import sys

import kubernetes_validate
import yaml

HELM, CHART = sys.argv[1:3]
VERSIONS = ["1.25", "1.30", "1.34"]
SECRET = "planted-5ecret"
# No schema of Kubernetes itself; its shape is looked at below.
FOREIGN = {"ServiceMonitor"}

FORMS = {
    "defaults": {},
    "everything": {
        "secrets": {"masterPassword": SECRET, "caCertificates": "-----BEGIN CERTIFICATE-----\nMA==\n"},
        "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
        "networkPolicy": {
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "oxTo": [{"ipBlock": {"cidr": "10.0.0.0/24"}}],
        },
        "persistence": {"storageClass": "fast", "accessMode": "ReadWriteOncePod"},
        "settings": {"limits": {"max_in_flight": 4}, "retry": {"on_fault": "park"}},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "imagePullSecrets": [{"name": "pull"}],
    },
    "brought along": {
        "secrets": {"existing": "mine"},
        "persistence": {"existingClaim": "connector-data"},
        "networkPolicy": {"enabled": False},
        "serviceAccount": {"create": False},
    },
}

REFUSED = [
    ("a password among the variables", {"env": {"OX_MASTER_PASSWORD": "x"}}),
    ("a password among the settings", {"settings": {"ox": {"master_password": "x"}}}),
    ("a webhook's token among the settings", {"settings": {"notify": {"webhook": "https://a/b"}}}),
    ("a second pod", {"replicas": 2}),
    ("a volume for many", {"persistence": {"accessMode": "ReadWriteMany"}}),
    ("a mistyped key", {"metrics": {"prot": 1}}),
    ("a privileged port", {"metrics": {"port": 80}}),
    ("a variable that is none", {"env": {"not a name": "x"}}),
]


def render(values):
    """The manifests, or what helm says against these values."""
    command = [HELM, "template", "release", CHART, "--namespace", "ox", "--values", "-"]
    done = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one], done.stdout


def of_kind(manifests, kind):
    return [one for one in manifests if one["kind"] == kind]


def look(name, values):
    manifests, text = render(values)
    assert manifests, f"{name}: {text}"
    for manifest in manifests:
        if manifest["kind"] not in FOREIGN:
            for version in VERSIONS:
                kubernetes_validate.validate(manifest, version, strict=True)
        assert manifest["metadata"]["namespace"] == "ox", manifest

    (work,) = of_kind(manifests, "StatefulSet")
    assert not of_kind(manifests, "Deployment"), "there may be one pod only"
    assert work["spec"]["replicas"] == 1
    pod = work["spec"]["template"]
    spec = pod["spec"]
    assert work["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    (container,) = spec["containers"]
    bounds = container["securityContext"]
    assert bounds["readOnlyRootFilesystem"] is True
    assert bounds["allowPrivilegeEscalation"] is False
    assert bounds["capabilities"] == {"drop": ["ALL"]}
    ports = {port["name"] for port in container["ports"]}
    paths = {"startupProbe": "start", "livenessProbe": "live", "readinessProbe": "ready"}
    for probe, path in paths.items():
        get = container[probe]["httpGet"]
        assert get["path"] == f"/health/{path}" and get["port"] in ports, get
    assert spec["terminationGracePeriodSeconds"] > 5, "drover drains in less than five seconds"

    # Volumes are there, and what they name is there or brought along.
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    claim = volumes["data"]["persistentVolumeClaim"]["claimName"]
    claims = of_kind(manifests, "PersistentVolumeClaim")
    if values.get("persistence", {}).get("existingClaim"):
        assert not claims and claim == "connector-data"
    else:
        assert claims[0]["metadata"]["name"] == claim
        assert claims[0]["spec"]["accessModes"][0] in ("ReadWriteOnce", "ReadWriteOncePod")
    secrets = {secret["metadata"]["name"] for secret in of_kind(manifests, "Secret")} | {"mine"}
    assert volumes["secrets"]["secret"]["secretName"] in secrets

    # A secret is in the Secret and nowhere else.
    for manifest in manifests:
        assert SECRET not in yaml.safe_dump(manifest), f"{name}: {manifest['kind']} shows the password"
    for variable in container["env"]:
        assert "PASSWORD" not in variable["name"], variable

    for policy in of_kind(manifests, "NetworkPolicy"):
        assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        labels = policy["spec"]["podSelector"]["matchLabels"]
        assert labels.items() <= pod["metadata"]["labels"].items()
    for monitor in of_kind(manifests, "ServiceMonitor"):
        (service,) = of_kind(manifests, "Service")
        assert monitor["spec"]["endpoints"][0]["port"] in {p["name"] for p in service["spec"]["ports"]}
        labels = monitor["spec"]["selector"]["matchLabels"]
        assert labels.items() <= service["metadata"]["labels"].items()
    return manifests


def main():
    for name, values in FORMS.items():
        manifests = look(name, values)
        print(f"ok  {name}: {len(manifests)} manifests, Kubernetes {', '.join(VERSIONS)}")
    monitored = look("everything", FORMS["everything"])
    assert of_kind(monitored, "ServiceMonitor") and of_kind(monitored, "NetworkPolicy")
    for name, values in REFUSED:
        manifests, told = render(values)
        assert manifests is None, f"{name} is not refused"
        assert "Error" in told, told
        print(f"ok  refused: {name}")
    if len(sys.argv) > 3:
        # The settings file that the chart makes, for drover to read.
        (config,) = of_kind(monitored, "ConfigMap")
        with open(sys.argv[3], "w", encoding="utf-8") as file:
            file.write(config["data"]["drover.toml"])


main()
