{{/* Every server by the folder of its credentials, each laid out as an entry of `servers`. */}}
{{- define "pgvigil.servers" -}}
{{- if .Values.servers }}
{{- toYaml .Values.servers }}
{{- else if or .Values.config.datasource.host .Values.config.datasourceSecret }}
{{- dict "datasource" (merge (dict "datasourceSecret" .Values.config.datasourceSecret) .Values.config.datasource) | toYaml }}
{{- else if and .Values.deployment.enabled (not .Values.extraEnvs) (not .Values.config.settings.servers) (not .Values.poolers) (not .Values.config.settings.poolers) }}
{{- fail "no server is named: set config.datasource.host, config.datasourceSecret or servers" }}
{{- else -}}
{}
{{- end }}
{{- end }}

{{/* Servers and poolers by the folder of their credentials. */}}
{{- define "pgvigil.logins" -}}
{{- merge (include "pgvigil.servers" . | fromYaml) (deepCopy .Values.poolers) | toYaml }}
{{- end }}

{{/* Where and as whom. Everything is written as a parameter, so a host may be a socket's folder. */}}
{{- define "pgvigil.login" -}}
{{- $folder := printf "/etc/pgvigil/credentials/%s" .name }}
{{- with .server }}
{{- if .datasourceSecret }}
dsn_file: {{ $folder }}/dsn
{{- else }}
{{- $parameters := list (printf "host=%s" (.host | required "a server needs a host or a datasourceSecret" | urlquery)) }}
{{- $parameters = append $parameters (printf "port=%v" (.port | default ($.console | ternary 6432 5432))) }}
{{- with .sslmode }}{{ $parameters = append $parameters (printf "sslmode=%s" .) }}{{ end }}
{{- with .pgpassfile }}{{ $parameters = append $parameters (printf "passfile=%s" (urlquery .)) }}{{ end }}
{{- with .extraParams }}{{ $parameters = append $parameters . }}{{ end }}
dsn: {{ printf "postgresql:///%s?%s" (.database | default ($.console | ternary "pgbouncer" "postgres") | urlquery) (join "&" $parameters) | replace "+" "%20" | quote }}
{{- end }}
{{- if .userSecret }}
user_file: {{ $folder }}/user
{{- else if .user }}
user: {{ .user | quote }}
{{- end }}
{{- if .passwordFile }}
password_file: {{ .passwordFile }}
{{- else if or .passwordSecret .password }}
password_file: {{ $folder }}/password
{{- end }}
{{- with .plans }}
plans:
  user: {{ .user | required "plans needs a user" | quote }}
  {{- if .passwordFile }}
  password_file: {{ .passwordFile }}
  {{- else if .passwordSecret }}
  password_file: {{ $folder }}/plans-password
  {{- end }}
{{- end }}
{{- if .serverLogBySql }}
server_log_by_sql: true
{{- end }}
{{- with .cluster }}
cluster: {{ . | quote }}
{{- end }}
{{- if or .includeDatabases .excludeDatabases }}
databases:
  {{- include "pgvigil.databases" . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pgvigil.databases" -}}
{{- with .includeDatabases }}
include: {{ toJson . }}
{{- end }}
{{- with .excludeDatabases }}
exclude: {{ toJson . }}
{{- end }}
{{- end }}

{{/* The daemon's own configuration; what `config.settings` says rules over what is derived. */}}
{{- define "pgvigil.config" -}}
{{- $all := include "pgvigil.servers" . | fromYaml }}
{{- $config := dict "listen" (printf "0.0.0.0:%v" .Values.service.targetPort) }}
{{- $_ := set $config "log_level" .Values.config.logLevel }}
{{- $_ := set $config "log_format" .Values.config.logFormat }}
{{- if .Values.serviceMonitor.enabled }}
{{- $_ := set $config "scrape_interval" .Values.serviceMonitor.interval }}
{{- else if .Values.podMonitor.enabled }}
{{- $_ := set $config "scrape_interval" .Values.podMonitor.interval }}
{{- end }}
{{- if .Values.persistence.enabled }}
{{- $_ := set $config "state_file" "/var/lib/pgvigil/state.db" }}
{{- end }}
{{- if and .Values.sidecar.dataVolume (not .Values.deployment.enabled) }}
{{- $_ := set $config "data_directory" .Values.sidecar.dataPath }}
{{- end }}
{{- with include "pgvigil.databases" .Values.config | fromYaml }}
{{- $_ := set $config "databases" . }}
{{- end }}
{{- if .Values.servers }}
{{- $servers := dict }}
{{- range $name, $server := $all }}
{{- $_ := set $servers $name (include "pgvigil.login" (dict "name" $name "server" $server "console" false) | fromYaml) }}
{{- end }}
{{- $_ := set $config "servers" $servers }}
{{- else if $all.datasource }}
{{- $config = merge $config (include "pgvigil.login" (dict "name" "datasource" "server" $all.datasource "console" false) | fromYaml) }}
{{- end }}
{{- if .Values.poolers }}
{{- $poolers := dict }}
{{- range $name, $pooler := .Values.poolers }}
{{- $pool := include "pgvigil.login" (dict "name" $name "server" $pooler "console" true) | fromYaml }}
{{- with $pooler.servers }}{{ $_ := set $pool "servers" . }}{{ end }}
{{- with $pooler.log }}{{ $_ := set $pool "log" . }}{{ end }}
{{- $_ := set $poolers $name $pool }}
{{- end }}
{{- $_ := set $config "poolers" $poolers }}
{{- end }}
{{- mergeOverwrite $config (deepCopy .Values.config.settings) | toYaml }}
{{- end }}

{{/* Passwords that were written into values, by server or pooler. */}}
{{- define "pgvigil.passwords" -}}
{{- $passwords := dict }}
{{- range $name, $server := include "pgvigil.logins" . | fromYaml }}
{{- if and $server.password (not $server.passwordSecret) (not $server.passwordFile) (not $server.datasourceSecret) }}
{{- $_ := set $passwords $name $server.password }}
{{- end }}
{{- end }}
{{- toYaml $passwords }}
{{- end }}

{{/* What is mounted below /etc/pgvigil/credentials, a folder for each server and pooler. */}}
{{- define "pgvigil.credentials" -}}
{{- $own := include "pgvigil.fullname" . }}
{{- $written := include "pgvigil.passwords" . | fromYaml }}
{{- range $name, $server := include "pgvigil.logins" . | fromYaml }}
{{- range $file, $secret := dict "dsn" $server.datasourceSecret "user" $server.userSecret "password" $server.passwordSecret "plans-password" ($server.plans | default dict).passwordSecret }}
{{- if $secret }}
- secret:
    name: {{ $secret.name }}
    items:
      - key: {{ $secret.key }}
        path: {{ $name }}/{{ $file }}
{{- end }}
{{- end }}
{{- if hasKey $written $name }}
- secret:
    name: {{ $own }}
    items:
      - key: {{ $name }}
        path: {{ $name }}/password
{{- end }}
{{- end }}
{{- end }}
