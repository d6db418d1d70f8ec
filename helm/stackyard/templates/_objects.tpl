{{/* Objects that several services have. All take {root, component, service}. */}}

{{- define "stackyard.serviceAccount" -}}
{{- $account := .service.serviceAccount -}}
{{- if $account.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "stackyard.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "stackyard.labels" . | nindent 4 }}
  {{- with $account.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{- define "stackyard.podDisruptionBudget" -}}
{{- if .service.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "stackyard.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .service.podDisruptionBudget.maxUnavailable }}
  # Pods that do not work may always be taken away.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "stackyard.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "stackyard.horizontalPodAutoscaler" -}}
{{- with .service.autoscaling }}
{{- if .enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "stackyard.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "stackyard.fullname" $.root }}-{{ $.component }}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .cpuPercent }}}
    - type: Resource
      resource:
        name: memory
        target: {type: Utilization, averageUtilization: {{ .memoryPercent }}}
  behavior:
    # One pod a minute: each drains before it goes.
    scaleDown:
      policies:
        - {type: Pods, value: 1, periodSeconds: 60}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether a number of replicas is written: not where an autoscaler sets it. */}}
{{- define "stackyard.replicas" -}}
{{- if not .service.autoscaling.enabled -}}
replicas: {{ .service.replicas }}
{{ end -}}
revisionHistoryLimit: 5
selector:
  matchLabels:
    {{- include "stackyard.selectorLabels" . | nindent 4 }}
{{- end }}

{{/* A headless Service: clients know every replica and spread calls over them by themselves. Takes
     {root, component, ports}, ports as {name: number}. */}}
{{- define "stackyard.headlessService" -}}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "stackyard.metadata" . | nindent 2 }}
spec:
  clusterIP: None
  selector:
    {{- include "stackyard.selectorLabels" . | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - {name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }}}
    {{- end }}
{{- end }}
