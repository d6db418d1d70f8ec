{{/* What the pods of all services have in common. */}}

{{/* Restricted Pod Security. */}}
{{- define "stackyard.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "stackyard.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Seconds until the kubelet kills: what the server may take, and a margin. Takes {service}. */}}
{{- define "stackyard.gracePeriod" -}}
{{- add .service.drainDelaySeconds .service.drainSeconds 15 -}}
{{- end }}

{{/* Where the pod runs, and as whom. Takes {root, component, service}. */}}
{{- define "stackyard.placement" -}}
serviceAccountName: {{ include "stackyard.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .service.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .service.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .service.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .service.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range $key, $unsatisfiable := dict "topology.kubernetes.io/zone" .service.topologySpread
    "kubernetes.io/hostname" "ScheduleAnyway" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $unsatisfiable }}
    # Nodes that are kept for others do not count as empty ones.
    nodeTaintsPolicy: Honor
    labelSelector:
      matchLabels:
        {{- include "stackyard.selectorLabels" $ | nindent 8 }}
    # The pods of one revision, so that an update ends up even.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{/* Labels and annotations of the pod. Takes {root, component, service, checksums}. */}}
{{- define "stackyard.podMetadata" -}}
labels:
  {{- include "stackyard.podLabels" . | nindent 2 }}
  {{- with .service.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (.checksums | default dict) (.service.podAnnotations | default dict) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Flags that all C++ services have. Takes {root, component, service}. */}}
{{- define "stackyard.commonArgs" -}}
- --data=/data
- --drain={{ .service.drainSeconds }}s
- --metrics-listen={{ .root.Values.listenHost }}:9090
- --health-listen={{ .root.Values.listenHost }}:9095
- --mtls-cert=/etc/stackyard/tls/tls.crt
- --mtls-key=/etc/stackyard/tls/tls.key
- --mtls-ca=/etc/stackyard/tls/ca.crt
{{- include "stackyard.traceArgs" . }}
{{- end }}

{{- define "stackyard.traceArgs" -}}
{{- with .root.Values.monitoring.traces }}
{{- if .endpoint }}
- --otlp-endpoint={{ .endpoint }}
- --trace-ratio={{ .ratio }}
{{- end }}
{{- end }}
{{- end }}

{{/* The kubelet asks in plain text for health alone: readiness ends at SIGTERM, liveness with the
     process. */}}
{{- define "stackyard.probes" -}}
startupProbe:
  # Migrations may take a while.
  grpc: {port: 9095, service: readiness}
  periodSeconds: 2
  failureThreshold: 150
readinessProbe:
  grpc: {port: 9095, service: readiness}
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  grpc: {port: 9095, service: liveness}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* A database that comes later is waited for, less long than the startup probe has patience. */}}
{{- define "stackyard.databaseArgs" -}}
- --database-wait=240s
{{- end }}

{{- define "stackyard.databaseEnv" -}}
- name: STACKYARD_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ include "stackyard.databaseSecret" .root }}
      key: {{ index .root.Values.database.keys .component }}
{{- if .root.Values.database.ca.existingConfigMap }}
- {name: PGSSLROOTCERT, value: /etc/stackyard/database/ca.pem}
{{- end }}
{{- end }}

{{- define "stackyard.databaseMounts" -}}
{{- if .Values.database.ca.existingConfigMap -}}
- {name: database-ca, mountPath: /etc/stackyard/database, readOnly: true}
{{- end }}
{{- end }}

{{- define "stackyard.databaseVolumes" -}}
{{- with .Values.database.ca -}}
{{- if .existingConfigMap -}}
- name: database-ca
  configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key }}, path: ca.pem}]}
{{- end }}
{{- end }}
{{- end }}

{{- define "stackyard.commonMounts" -}}
- {name: tls, mountPath: /etc/stackyard/tls, readOnly: true}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Takes {root, component}. Whole folders are mounted: files of a subPath are never renewed. */}}
{{- define "stackyard.commonVolumes" -}}
- name: tls
  secret: {secretName: {{ include "stackyard.tlsSecret" . }}, defaultMode: 0440}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- end }}
