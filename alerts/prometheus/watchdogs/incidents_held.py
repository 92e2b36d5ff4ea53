"""Incidents of a server are held, because its daemon is silent and does not judge it."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.finding_rules import HELD, RECORDED
from alerts.prometheus.own_metrics import INCIDENTS_KNOWN
from alerts.prometheus.promql import Same, select
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

SERVER = (*SCRAPED_FROM, "server")
OF_SERVER = ", ".join(SERVER)
SAME = {label: Same() for label in SERVER}

watchdog = Watchdog(
    title="pgvigil does not judge a server that was ill",
    severity=Severity.critical,
    expr=(
        f"count by ({OF_SERVER}) (\n"
        f"  max by ({OF_SERVER}, finding, database, incident) (\n"
        f"    {RECORDED} unless on ({OF_SERVER}) {INCIDENTS_KNOWN}\n"
        "  )\n"
        ")"
    ),
    # Sooner than the held incidents end.
    hold=timedelta(minutes=5),
    summary=(
        "{{ $labels.server }} is not judged any more, but was ill: {{ $value }} alert"
        "{{ if ne $value 1.0 }}s{{ end }} held"
    ),
    description=(
        f"Its alerts stay as they last were, and end after {HELD}, whether cured or not."
        + each(
            f"topk(10, count by (finding) ({select(RECORDED, **SAME)}))",
            SERVER,
            "Ill when it was last judged:",
            "{{ .Labels.finding }}",
            "finding",
        )
    ),
    cure=(
        "Start the daemon that watches it, or fix its scrape configuration (see Prometheus's page"
        " Targets); until then, check the server itself."
    ),
)
