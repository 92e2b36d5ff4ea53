"""What people look at: dashboards generated from the catalogue of metrics and findings."""
