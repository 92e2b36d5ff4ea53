"""What panels ask Prometheus: built from metric objects, narrowed to what the viewer chose."""

from typing import Any

from alerts._catalogue import all_findings
from alerts.facts import metric_of
from alerts.own_metrics import OwnMetric
from alerts.promql import Pattern, select

RATE = "[$__rate_interval]"
CHOSEN = {"job": Pattern("$job"), "instance": Pattern("$instance")}
SERVER = {**CHOSEN, "server": Pattern("$server")}
# A page with one server has no label `server` on its facts; then the instance tells which it is.
SERVER_OR_NONE = {**CHOSEN, "server": Pattern("$server|")}
DATABASE = Pattern("$database")
WHERE = "{{instance}} {{server}}"
"""One of the two tells the server: facts have the label `server` where a page holds several."""
BY_SERVER = "instance, server"


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


def rate(counter: str) -> str:
    """How fast a selected counter grows, a second."""
    return f"rate({counter}{RATE})"
