#!/usr/bin/env python3
"""A stock SOAP client against a running simulator.

usage: zeep.py BASE_URL        (needs the package zeep)

Loads the WSDL of all six services, calls every operation once and checks that each answers a
result or a fault it declares, and then plays a short story: context, user, group, resource,
account, copy, delete. Exits with 1 when anything is not as it should be. Master and context
administrator have the simulator's default credentials.
"""
import sys

# This file has the name of the package, and its folder comes first when it is run.
sys.path.pop(0)

import zeep  # noqa: E402
import zeep.exceptions  # noqa: E402

SERVICES = {
    "OXContextService": 32,
    "OXUserService": 27,
    "OXGroupService": 13,
    "OXResourceService": 7,
    "OXSecondaryAccountService": 4,
    "OXUserCopyService": 1,
}
MASTER = {"login": "oxadminmaster", "password": "secret"}
ADMIN = {"login": "oxadmin", "password": "secret"}


class Failed(Exception):
    pass


def load(base, name):
    client = zeep.Client(f"{base}/webservices/{name}?wsdl")
    (service,) = client.wsdl.services.values()
    (port,) = service.ports.values()
    address = port.binding_options["address"]
    if address != f"{base}/webservices/{name}":
        raise Failed(f"{name}: the WSDL gives the address {address}")
    return client, port.binding._operations


def argument(name, element):
    """Something of the right type for a parameter."""
    kind = element.type.name
    if name == "auth":
        return MASTER
    if name in ("ctx", "context", "src", "dest"):
        return {"id": 77}
    if kind in ("int", "long"):
        return 1
    if kind == "boolean":
        return False
    if kind == "string":
        return "1" if name in ("offset", "length") else "x"
    if kind == "SchemaSelectStrategy":
        return None
    value = {"id": 4242} if any(e[0] == "id" for e in element.type.elements) else {}
    return [value] if element.accepts_multiple else value


def call_everything(base):
    """Every operation once, most of them in a context that does not exist."""
    calls = faults = 0
    for name in SERVICES:
        client, operations = load(base, name)
        for operation in sorted(operations):
            declared = {
                fault.replace("_Exception", "") for fault in operations[operation].faults
            }
            elements = operations[operation].input.body.type.elements
            arguments = {key: argument(key, element) for key, element in elements}
            calls += 1
            try:
                getattr(client.service, operation)(**arguments)
            except zeep.exceptions.Fault as fault:
                faults += 1
                if fault.code != "soap:Server":
                    raise Failed(f"{name}.{operation}: {fault.code} {fault.message}")
                if fault.detail is not None and len(fault.detail):
                    tag = fault.detail[0].tag.rsplit("}", 1)[-1]
                    if tag not in declared:
                        raise Failed(f"{name}.{operation}: {tag} is not declared: {fault.message}")
                elif "null" not in fault.message and "length 0" not in fault.message:
                    raise Failed(f"{name}.{operation}: no detail: {fault.message}")
    return calls, faults


def count(base):
    for name, wanted in SERVICES.items():
        _, operations = load(base, name)
        if len(operations) != wanted:
            raise Failed(f"{name} has {len(operations)} operations, not {wanted}")


def person(name):
    mail = f"{name}@zeep.example.test"
    return {
        "name": name,
        "display_name": f"Display {name}",
        "password": "secret",
        "given_name": "Given",
        "sur_name": "Sur",
        "primaryEmail": mail,
        "email1": mail,
    }


def check(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: {got!r} instead of {wanted!r}")


def story(base):
    services = {name: load(base, name)[0].service for name in SERVICES}
    contexts, users = services["OXContextService"], services["OXUserService"]
    groups, resources = services["OXGroupService"], services["OXResourceService"]
    accounts, copies = services["OXSecondaryAccountService"], services["OXUserCopyService"]
    here, there = {"id": 7701}, {"id": 7702}
    for context in (here, there):
        if contexts.exists(ctx=context, auth=MASTER):
            contexts.delete(ctx=context, auth=MASTER)
        made = contexts.createModuleAccessByName(
            ctx={**context, "name": f"zeep{context['id']}", "maxQuota": 100},
            admin_user=person("oxadmin"),
            access_combination_name="groupware_standard",
            auth=MASTER,
        )
        check("the new context", made.id, context["id"])
    user = users.create(ctx=here, usrdata=person("jürgen".replace("ü", "ue")), auth=ADMIN)
    check("the first id", user.id, 3)
    users.change(ctx=here, usrdata={"id": 3, "given_name": "Jürgen & <Söhne>"}, auth=ADMIN)
    read = users.getData(ctx=here, user={"id": 3}, auth=ADMIN)
    check("the name", read.given_name, "Jürgen & <Söhne>")
    check("the aliases", read.aliases, ["juergen@zeep.example.test"])
    group = groups.create(
        ctx=here, grp={"name": "team", "displayname": "Team", "members": [3]}, auth=ADMIN
    )
    check("the members", groups.getData(ctx=here, grp={"id": group.id}, auth=ADMIN).members, [3])
    resource = resources.create(
        ctx=here,
        res={"name": "room", "displayname": "Room", "email": "room@zeep.example.test"},
        auth=ADMIN,
    )
    check("one sequence of ids", (group.id, resource.id), (4, 5))
    accounts.create(
        accountDataOnCreate={
            "name": "Info",
            "login": "info",
            "primaryAddress": "info@zeep.example.test",
            "mailEndpointSource": "primary",
        },
        context=here,
        users=[{"id": 3}],
        auth=ADMIN,
    )
    listed = accounts.list(context=here, users=[{"id": 3}], auth=ADMIN)
    check("the account", [a.primaryAddress for a in listed], ["info@zeep.example.test"])
    copied = copies.copyUser(user={"id": 3}, src=here, dest=there, auth=MASTER)
    check("the copy", users.getData(ctx=there, user={"id": copied.id}, auth=ADMIN).name, "juergen")
    users.delete(ctx=here, user={"id": 3}, auth=ADMIN)
    check("the deleted user", users.exists(ctx=here, user={"id": 3}, auth=ADMIN), False)
    check("members left", groups.getData(ctx=here, grp={"id": 4}, auth=ADMIN).members, [])
    try:
        users.getData(ctx=here, user={"id": 3}, auth=ADMIN)
    except zeep.exceptions.Fault as fault:
        check("the text", fault.message.split(";")[0], "No such user 3 in context 7701")
    else:
        raise Failed("a deleted user was read")
    for context in (here, there):
        contexts.delete(ctx=context, auth=MASTER)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    base = sys.argv[1].rstrip("/")
    try:
        count(base)
        calls, faults = call_everything(base)
        story(base)
    except Failed as failed:
        sys.exit(f"zeep: {failed}")
    print(f"zeep: {calls} operations called, {faults} of them refused properly; story told")


if __name__ == "__main__":
    main()
