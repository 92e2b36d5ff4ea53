"""HTTP: the status page, the metrics, the findings, and how Prometheus and Kubernetes ask."""
