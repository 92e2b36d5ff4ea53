"""Metrics of the daemon's process: memory, CPU time, open files."""

from monitor.lean_imports import nothing, without

# An HTTP server and a client, for those who have none.
UNUSED = {
    "http.server": nothing("BaseHTTPRequestHandler"),
    "urllib.request": nothing(
        *("BaseHandler", "HTTPHandler", "HTTPRedirectHandler", "HTTPSHandler"),
        *("Request", "build_opener"),
    ),
    "wsgiref.simple_server": nothing("WSGIRequestHandler", "WSGIServer", "make_server"),
}
with without(UNUSED):
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)


def process_metrics() -> bytes:
    return generate_latest(REGISTRY)
