{{- define "drover.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "drover.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "drover.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "drover.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "drover.selector" -}}
app.kubernetes.io/name: {{ include "drover.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "drover.labels" -}}
{{ include "drover.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "drover.secret" -}}
{{- default (include "drover.fullname" .) .Values.secrets.existing -}}
{{- end -}}

{{- define "drover.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "drover.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* The settings file: the chart's own keys, and what the values say over them. */ -}}
{{- define "drover.settings" -}}
{{- $ox := dict -}}
{{- if or .Values.secrets.existing .Values.secrets.masterPassword -}}
{{- $_ := set $ox "master_password" "${file:/run/drover-secrets/master-password}" -}}
{{- end -}}
{{- if .Values.secrets.caCertificates -}}
{{- $_ := set $ox "ca_file" "/etc/drover/ca.pem" -}}
{{- end -}}
{{- $metrics := dict "listen" (printf "0.0.0.0:%d" (int .Values.metrics.port)) -}}
{{- $own := dict "ox" $ox "logs" (dict "format" "json") "metrics" $metrics -}}
{{- toToml (mergeOverwrite $own (deepCopy .Values.settings)) -}}
{{- end -}}

{{- /* Secrets in what everybody can read are refused. */ -}}
{{- define "drover.refuse" -}}
{{- range $name, $value := .Values.env -}}
{{- if regexMatch "(?i)(password|secret|token)" $name -}}
{{- fail (printf "env.%s: passwords belong into secrets, not into the pod's description" $name) -}}
{{- end -}}
{{- end -}}
{{- range $path := list "ox.master_password" "notify.webhook" -}}
{{- $section := index (splitList "." $path) 0 -}}
{{- $key := index (splitList "." $path) 1 -}}
{{- $value := dig $section $key "" $.Values.settings -}}
{{- if and $value (not (hasPrefix "${file:" $value)) -}}
{{- fail (printf "settings.%s: settings go into a ConfigMap; write ${file:/run/drover-secrets/KEY} with a key of the Secret" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
