"""HTTP server: status page, metrics, findings, service discovery and probes."""
