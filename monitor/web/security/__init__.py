"""Who may ask over HTTP, and how: the web config file that all exporters of Prometheus share."""
