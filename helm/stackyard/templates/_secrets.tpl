{{/* Which Secrets are used, and which of them the release's job has to make. */}}

{{- define "stackyard.databaseSecret" -}}
{{- $full := include "stackyard.fullname" . -}}
{{- if .Values.postgresql.enabled -}}{{ $full }}-postgresql
{{- else if .Values.database.existingSecret -}}{{ .Values.database.existingSecret }}
{{- else -}}{{ $full }}-database
{{- end -}}
{{- end }}

{{- define "stackyard.sealKeySecret" -}}
{{- .Values.sealKey.existingSecret | default (printf "%s-seal-key" (include "stackyard.fullname" .)) -}}
{{- end }}

{{- define "stackyard.sessionKeysSecret" -}}
{{- .Values.sessionKeys.existingSecret | default (printf "%s-session-keys" (include "stackyard.fullname" .)) -}}
{{- end }}

{{- define "stackyard.adminTokenSecret" -}}
{{- .Values.adminToken.existingSecret | default (printf "%s-admin-token" (include "stackyard.fullname" .)) -}}
{{- end }}

{{/* Takes {root, component}. */}}
{{- define "stackyard.tlsSecret" -}}
{{- $own := printf "%s-%s-tls" (include "stackyard.fullname" .root) .component -}}
{{- if eq .root.Values.mutualTLS.source "existing" -}}
{{- index .root.Values.mutualTLS.secrets .component | default $own -}}
{{- else -}}
{{- $own -}}
{{- end -}}
{{- end }}

{{/* What all names of a mesh begin with. */}}
{{- define "stackyard.mesh" -}}
{{- $path := .Values.mutualTLS.path | default (printf "ns/%s/stackyard/%s" .Release.Namespace (include "stackyard.fullname" .)) -}}
{{- printf "spiffe://%s/%s" .Values.mutualTLS.trustDomain $path -}}
{{- end }}

{{/* Who of this release has a certificate, as a JSON list: its services, and KEDA where it asks. */}}
{{- define "stackyard.certified" -}}
{{- $names := list -}}
{{- range list "gateway" "stacks" "quota" "runner" -}}
{{- if (index $.Values .).enabled -}}{{- $names = append $names . -}}{{- end -}}
{{- end -}}
{{- if include "stackyard.keda" . -}}{{- $names = append $names "keda" -}}{{- end -}}
{{- toJson $names -}}
{{- end }}

{{/* Names of a service's hosts in its certificate: KEDA checks them, our services do not. Takes
     {root, component}; answers a JSON list. */}}
{{- define "stackyard.hosts" -}}
{{- $host := printf "%s-%s" (include "stackyard.fullname" .root) .component -}}
{{- $namespaced := printf "%s.%s" $host .root.Release.Namespace -}}
{{- toJson (list $host $namespaced (printf "%s.svc" $namespaced)) -}}
{{- end }}

{{- define "stackyard.keda" -}}
{{- if and .Values.runner.enabled (eq .Values.runner.autoscaling.kind "keda") -}}true{{- end -}}
{{- end }}

{{/* What the job makes: input of `stackyard-release secrets`, as JSON. Empty: nothing. */}}
{{- define "stackyard.secretsPlan" -}}
{{- $full := include "stackyard.fullname" . -}}
{{- $secrets := list -}}
{{- $external := .Values.externalSecrets -}}
{{- if and .Values.gateway.enabled (not .Values.adminToken.existingSecret) (not (and $external.enabled $external.adminToken)) -}}
{{- $secrets = append $secrets (dict "name" (include "stackyard.adminTokenSecret" .) "data" (dict .Values.adminToken.key (dict "make" "token"))) -}}
{{- end -}}
{{- if and .Values.stacks.enabled (not .Values.sealKey.existingSecret) (not (and $external.enabled $external.sealKey)) -}}
{{- $secrets = append $secrets (dict "name" (include "stackyard.sealKeySecret" .) "data" (dict .Values.sealKey.key (dict "make" "seal-key"))) -}}
{{- end -}}
{{- if and .Values.gateway.enabled .Values.rest.enabled (not .Values.sessionKeys.existingSecret) (not (and $external.enabled $external.sessionKeys)) -}}
{{- $secrets = append $secrets (dict "name" (include "stackyard.sessionKeysSecret" .) "data" (dict .Values.sessionKeys.key (dict "make" "session-key"))) -}}
{{- end -}}
{{- if .Values.postgresql.enabled -}}
{{- $data := dict "postgres-password" (dict "make" "password") -}}
{{- range list "gateway" "stacks" "quota" -}}
{{- $password := printf "%s-password" . -}}
{{- $_ := set $data $password (dict "make" "password") -}}
{{- $url := printf "postgresql://%s:${%s}@%s-postgresql.%s.svc:5432/%s" . $password $full $.Release.Namespace . -}}
{{- $_ := set $data (index $.Values.database.keys .) (dict "text" $url) -}}
{{- end -}}
{{- $secrets = append $secrets (dict "name" (printf "%s-postgresql" $full) "data" $data) -}}
{{- end -}}
{{- $plan := dict "secrets" $secrets -}}
{{- if eq .Values.mutualTLS.source "job" -}}
{{- $leaves := list -}}
{{- range fromJsonArray (include "stackyard.certified" .) -}}
{{- $scope := dict "root" $ "component" . -}}
{{- $leaves = append $leaves (dict "secret" (include "stackyard.tlsSecret" $scope) "uri" (printf "%s/%s" (include "stackyard.mesh" $) .) "hosts" (fromJsonArray (include "stackyard.hosts" $scope))) -}}
{{- end -}}
{{- $_ := set $plan "certificates" (dict "authority" (printf "%s-ca" $full) "days" .Values.mutualTLS.days "leaves" $leaves) -}}
{{- end -}}
{{- if or $secrets $plan.certificates -}}
{{- $labels := include "stackyard.labels" (dict "root" . "component" "secrets") | fromYaml -}}
{{- $_ := set $plan "labels" (omit $labels "helm.sh/chart" "app.kubernetes.io/version" | merge (dict "app.kubernetes.io/managed-by" "stackyard-release")) -}}
{{- toPrettyJson $plan -}}
{{- end -}}
{{- end }}
