"""Access control of HTTP, configured by the web config file of Prometheus exporters."""
