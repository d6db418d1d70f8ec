{{/* Names, labels and images. */}}

{{- define "stackyard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* 40 characters leave room for `-gateway` and what Kubernetes adds to names of pods. */}}
{{- define "stackyard.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "stackyard.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "stackyard.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Labels that pods are selected by. Takes {root, component}. */}}
{{- define "stackyard.selectorLabels" -}}
app.kubernetes.io/name: {{ include "stackyard.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Labels of pods: another version of the chart alone does not make new ones. Takes {root, component}. */}}
{{- define "stackyard.podLabels" -}}
{{ include "stackyard.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* All labels of an object. Takes {root, component}. */}}
{{- define "stackyard.labels" -}}
{{ include "stackyard.podLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Metadata of an object of a component. Takes {root, component, suffix}. */}}
{{- define "stackyard.metadata" -}}
name: {{ include "stackyard.fullname" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "stackyard.labels" . | nindent 2 }}
{{- end }}

{{/* An image. Takes {root, image}. */}}
{{- define "stackyard.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "stackyard-%s" .image -}}
{{- if $image.prefix -}}{{- $name = printf "%s/%s" (trimSuffix "/" $image.prefix) $name -}}{{- end -}}
{{- with index $image.digests .image -}}
{{- printf "%s@%s" $name . -}}
{{- else -}}
{{- printf "%s:%s" $name $image.tag -}}
{{- end -}}
{{- end }}

{{/* A service's values, with the defaults of all. Takes {root, component}; answers YAML. */}}
{{- define "stackyard.component" -}}
{{- mustMergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (index .root.Values .component)) | toYaml -}}
{{- end }}

{{- define "stackyard.serviceAccountName" -}}
{{- $account := (index .root.Values .component).serviceAccount -}}
{{- $account.name | default (printf "%s-%s" (include "stackyard.fullname" .root) .component) -}}
{{- end }}

{{/* host:port of a service of this release. Takes {root, component, port}. */}}
{{- define "stackyard.target" -}}
{{- printf "%s-%s.%s.svc:%d" (include "stackyard.fullname" .root) .component .root.Release.Namespace (int .port) -}}
{{- end }}

{{/* What browsers know the console by; empty: nobody has said. */}}
{{- define "stackyard.publicUrl" -}}
{{- if .Values.rest.publicUrl -}}{{ .Values.rest.publicUrl }}
{{- else if .Values.ingress.enabled -}}https://{{ .Values.ingress.host }}
{{- end -}}
{{- end }}
