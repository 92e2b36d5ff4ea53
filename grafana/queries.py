"""What panels ask Prometheus: built from metric objects, narrowed to what the viewer chose."""

import re
from typing import Any

from alerts._catalogue import all_findings
from alerts.prometheus.metric_lookup import metric_of
from alerts.prometheus.own_metrics import OwnMetric
from alerts.prometheus.promql import Pattern, select
from collectors._base import Lane
from collectors._catalogue import all_collectors

RATE = "[$__rate_interval]"
UPDATED = {Lane.table: "30s", Lane.slow: "5m", Lane.daily: "1h"}
"""How often a counter moves by default, where that is seldom. Grafana takes rates over four times
that; over less, a busy table would look idle between two rounds."""
CHOSEN = {"job": Pattern("$job"), "instance": Pattern("$instance")}
SERVER = {**CHOSEN, "server": Pattern("$server")}
# A page with one server has no label `server` on its facts; then the instance tells which it is.
SERVER_OR_NONE = {**CHOSEN, "server": Pattern("$server|")}
DATABASE = Pattern("$database")
SERVER_NAMED, DATABASE_NAMED = "{{server}}", "{{server}}/{{datname}}"
"""Legends of what is asked `by server` of facts that are `named`."""


def limits(finding: str) -> Any:
    """Default limits; a panel shows them where it shows what the finding measures."""
    return all_findings()[finding].limits


def own(metric: OwnMetric, **wanted: str) -> str:
    """One of pgvigil's own metrics, of the chosen servers."""
    return select(metric, **(SERVER if "server" in metric.labels else CHOSEN), **wanted)


def fact(name: str, **wanted: str) -> str:
    """A fact about PostgreSQL, of the chosen servers; LookupError where no collector has it."""
    return select(metric_of(name), **SERVER_OR_NONE, **wanted)


def in_databases(name: str, **wanted: str) -> str:
    """The same, of the chosen databases."""
    return fact(name, datname=DATABASE, **wanted)


def named(facts: str) -> str:
    """The same, each with its server; where a page holds one alone, its instance tells which."""
    joined = f'label_join({facts}, "at", "@", "server", "instance")'
    return f'label_replace({joined}, "server", "$1", "at", "@(.*)")'


def by(how: str, labels: str, facts: str) -> str:
    """Aggregated for each server, and each of further labels."""
    return f"{how} by ({', '.join(filter(None, ('server', labels)))}) ({named(facts)})"


def rate(counter: str) -> str:
    """How fast a selected counter grows, a second."""
    return f"rate({counter}{RATE})"


def a_minute(counter: str) -> str:
    """The same for what is rare enough to be counted by people."""
    return f"60 * {rate(counter)}"


def min_step(expr: str) -> str | None:
    """How far apart the points must be, for rates in the expression to mean something."""
    counters = set(re.findall(r"rate\((\w+)\{", expr))
    lanes = {
        collector.lane
        for collector in all_collectors().values()
        if counters & {metric.name for metric in collector.metrics}
    }
    return next((UPDATED[lane] for lane in reversed(UPDATED) if lane in lanes), None)
