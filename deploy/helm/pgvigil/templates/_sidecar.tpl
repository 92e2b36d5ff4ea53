{{/*
A container beside PostgreSQL, for pods of other charts. Make this chart a dependency of yours, set
deployment.enabled to false, config.datasource.host to localhost or to the folder of the socket, and
add to the pod

  containers:       {{- include "pgvigil.sidecar" .Subcharts.pgvigil | nindent 4 }}
  volumes:          {{- include "pgvigil.volumes" .Subcharts.pgvigil | nindent 4 }}

or, with sidecar.native, the first line below initContainers. It starts with or without a database,
and no probe of it decides whether the pod is ready.
*/}}
{{- define "pgvigil.sidecar" -}}
{{- if and .Values.sidecar.native (semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail "sidecar.native needs Kubernetes 1.29 or later" }}
{{- end }}
- {{- include "pgvigil.container" . | nindent 2 }}
  {{- if .Values.sidecar.native }}
  restartPolicy: Always
  {{- end }}
  env:
    # The name of the server in metrics and alerts.
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    {{- with .Values.extraEnvs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  resources:
    requests:
      {{- toYaml .Values.sidecar.resources | nindent 6 }}
    limits:
      {{- toYaml .Values.sidecar.resources | nindent 6 }}
  volumeMounts:
    {{- include "pgvigil.volumeMounts" . | nindent 4 }}
    {{- with .Values.sidecar.dataVolume }}
    - name: {{ . }}
      mountPath: {{ $.Values.sidecar.dataPath }}
      readOnly: true
    {{- end }}
    {{- with .Values.sidecar.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
