"""Pictures of the dashboards, drawn by Grafana's own components from what live servers say."""
