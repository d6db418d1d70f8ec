{{/* What the pods of all services have in common. */}}

{{/* Restricted Pod Security. */}}
{{- define "stackyard.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
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
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: {{ $.service.topologySpread }}
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
  {{- include "stackyard.labels" . | nindent 2 }}
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

{{/* The kubelet asks in plain text for health alone: `ready` falls at SIGTERM, the process as a whole
     is alive until it ends. */}}
{{- define "stackyard.probes" -}}
startupProbe:
  # Migrations may take a while.
  grpc: {port: 9095, service: ready}
  periodSeconds: 2
  failureThreshold: 150
readinessProbe:
  grpc: {port: 9095, service: ready}
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  grpc: {port: 9095}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{- define "stackyard.databaseEnv" -}}
- name: STACKYARD_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ include "stackyard.databaseSecret" .root }}
      key: {{ index .root.Values.database.keys .component }}
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
