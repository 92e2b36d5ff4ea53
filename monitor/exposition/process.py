"""Metrics of the daemon's process: memory, CPU time, open files."""

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)


def process_metrics() -> bytes:
    return generate_latest(REGISTRY)
