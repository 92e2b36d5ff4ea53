{{/* The container of the Deployment and of the sidecar, as far as they are one. */}}
{{- define "pgvigil.container" -}}
name: pgvigil
image: {{ include "pgvigil.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [run, --config, /etc/pgvigil/config/pgvigil.yaml]
ports:
  - name: http-pgvigil
    containerPort: {{ .Values.service.targetPort }}
    protocol: TCP
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
livenessProbe:
  {{- toYaml .Values.livenessProbe | nindent 2 }}
{{- end }}

{{/* The resources of the Deployment; an empty limit of memory follows from the number of servers. */}}
{{- define "pgvigil.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- $limits := $resources.limits | default dict }}
{{- if and (hasKey $limits "memory") (not $limits.memory) }}
{{- $named := len (include "pgvigil.servers" . | fromYaml) }}
{{- $servers := max 1 $named (len (.Values.config.settings.servers | default dict)) }}
{{- $_ := set $limits "memory" (printf "%dMi" (add 224 (mul 32 $servers))) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{- define "pgvigil.volumeMounts" -}}
- name: pgvigil-config
  mountPath: /etc/pgvigil/config
  readOnly: true
{{- if include "pgvigil.credentials" . }}
- name: pgvigil-credentials
  mountPath: /etc/pgvigil/credentials
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Volumes that a pod with the container needs; for pods of other charts, beside pgvigil.sidecar. */}}
{{- define "pgvigil.volumes" -}}
- name: pgvigil-config
  configMap:
    name: {{ include "pgvigil.fullname" . }}
{{- with include "pgvigil.credentials" . }}
- name: pgvigil-credentials
  projected:
    # Readable for any user of the pod's containers.
    defaultMode: 0444
    sources:
      {{- . | nindent 6 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
