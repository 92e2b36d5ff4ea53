"""Look-up of metrics by name, for generated PromQL."""

from dataclasses import replace

from collectors._base import AnyMetric
from collectors._catalogue import all_collectors


def metric_of(name: str) -> AnyMetric:
    """Return the metric of a name, also one of a family (`pg_settings_*`). Raises LookupError."""
    for collector in all_collectors().values():
        for metric in collector.metrics:
            family = metric.name.removesuffix("*")
            if metric.name == name or (family != metric.name and name.startswith(family)):
                return replace(metric, name=name)
    raise LookupError(f"no collector has a metric {name}")
