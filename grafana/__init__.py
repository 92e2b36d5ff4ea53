"""Grafana dashboards, generated from the catalogues of metrics and findings."""
