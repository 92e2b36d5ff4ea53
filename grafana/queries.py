"""PromQL queries of panels, built from metric objects and filtered by the dashboard's variables."""

import re
from typing import Any

from alerts._catalogue import all_findings
from alerts.prometheus.metric_lookup import metric_of
from alerts.prometheus.own_metrics import OwnMetric
from alerts.prometheus.promql import Regex, select
from collectors._base import Lane
from collectors._catalogue import all_collectors

RATE = "[$__rate_interval]"
UPDATED = {Lane.table: "30s", Lane.slow: "5m", Lane.daily: "1h"}
"""Default interval of rarely updated counters. Grafana computes rates over four times that; over
less, a busy table would look idle between two updates."""
CHOSEN = {"job": Regex("$job"), "instance": Regex("$instance")}
SERVER = {**CHOSEN, "server": Regex("$server")}
POOLER = {**CHOSEN, "server": Regex("$pooler")}
POOLER_OR_NONE = {**CHOSEN, "server": Regex("$pooler|")}
# On a page with one server, pg_* metrics have no label `server`; then `instance` names it.
SERVER_OR_NONE = {**CHOSEN, "server": Regex("$server|")}
DATABASE = Regex("$database")
SERVER_NAMED, DATABASE_NAMED = "{{server}}", "{{server}}/{{datname}}"
"""Legend of queries `by server` over metrics that are `named`."""


def limits(finding: str) -> Any:
    """Return the default limits of a finding, which panels of the measured value show."""
    return all_findings()[finding].limits


def own(metric: OwnMetric, **wanted: str) -> str:
    """Select one of pgvigil's own metrics for the chosen servers."""
    return select(metric, **(SERVER if "server" in metric.labels else CHOSEN), **wanted)


def fact(name: str, **wanted: str) -> str:
    """Select a metric of PostgreSQL for the chosen servers. Raises LookupError if unknown."""
    return select(metric_of(name), **SERVER_OR_NONE, **wanted)


def in_databases(name: str, **wanted: str) -> str:
    """Select a metric of PostgreSQL for the chosen servers and databases."""
    return fact(name, datname=DATABASE, **wanted)


def named(facts: str) -> str:
    """Add the label `server`, from `instance` if the page has only one server."""
    joined = f'label_join({facts}, "at", "@", "server", "instance")'
    return f'label_replace({joined}, "server", "$1", "at", "@(.*)")'


def by(how: str, labels: str, facts: str) -> str:
    """Aggregate by server and by further labels."""
    return f"{how} by ({', '.join(filter(None, ('server', labels)))}) ({named(facts)})"


def rate(counter: str) -> str:
    """Return the increase of a selected counter, a second."""
    return f"rate({counter}{RATE})"


def a_minute(counter: str) -> str:
    """Return the rate for each minute, for rare events."""
    return f"60 * {rate(counter)}"


def min_step(expr: str) -> str | None:
    """Return the minimum step, for which the rates in the expression are meaningful."""
    counters = set(re.findall(r"rate\((\w+)\{", expr))
    lanes = {
        collector.lane
        for collector in all_collectors().values()
        if counters & {metric.name for metric in collector.metrics}
    }
    return next((UPDATED[lane] for lane in reversed(UPDATED) if lane in lanes), None)
