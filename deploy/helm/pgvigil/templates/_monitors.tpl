{{/* What ServiceMonitor and PodMonitor say alike of the place to ask. */}}
{{- define "pgvigil.endpoint" -}}
path: {{ .telemetryPath }}
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
scheme: {{ .scheme }}
{{- range $field := list "tlsConfig" "basicAuth" "relabelings" "metricRelabelings" }}
{{- with get $ $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pgvigil.monitoringMetadata" -}}
name: {{ include "pgvigil.fullname" .root }}
namespace: {{ .values.namespace | default .root.Release.Namespace }}
labels:
  {{- include "pgvigil.labels" .root | nindent 2 }}
  {{- with .values.additionalLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
