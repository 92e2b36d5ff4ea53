"""Pictures of the dashboards, rendered by Grafana's own components from live servers."""
