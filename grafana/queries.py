"""What panels ask Prometheus: built from metric objects, narrowed to what the viewer chose."""

from dataclasses import replace
from typing import Any

from alerts.own_metrics import OwnMetric
from alerts.promql import Pattern, select
from collectors._base import Metric
from collectors._catalogue import all_collectors

RATE = "[$__rate_interval]"
CHOSEN = {"job": Pattern("$job"), "instance": Pattern("$instance")}
SERVER = {**CHOSEN, "server": Pattern("$server")}
# A page with one server has no label `server` on its facts; then the instance tells which it is.
SERVER_OR_NONE = {**CHOSEN, "server": Pattern("$server|")}
DATABASE = Pattern("$database")


def own(metric: OwnMetric, **wanted: str) -> str:
    """One of pgvigil's own metrics, of the chosen servers."""
    return select(metric, **(SERVER if "server" in metric.labels else CHOSEN), **wanted)


def fact(name: str, **wanted: str) -> str:
    """A fact about PostgreSQL, of the chosen servers; LookupError where no collector has it."""
    return select(metric_of(name), **SERVER_OR_NONE, **wanted)


def in_databases(name: str, **wanted: str) -> str:
    """The same, of the chosen databases."""
    return fact(name, datname=DATABASE, **wanted)


def metric_of(name: str) -> Metric[Any]:
    """The metric of that name, be it one of a family (`pg_settings_*`)."""
    for collector in all_collectors().values():
        for metric in collector.metrics:
            family = metric.name.removesuffix("*")
            if metric.name == name or (family != metric.name and name.startswith(family)):
                return replace(metric, name=name)
    raise LookupError(f"no collector has a metric {name}")
