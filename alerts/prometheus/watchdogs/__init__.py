"""Watches the watcher: what only Prometheus can see, since the daemon itself may be ill."""
