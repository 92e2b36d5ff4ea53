"""Incidents of a server go on although nobody judges it: their daemon is silent."""

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
    # Before the incidents end for want of anybody who sees them.
    hold=timedelta(minutes=5),
    summary=(
        "Nobody judges {{ $labels.server }}, which was ill: {{ $value }} alert"
        "{{ if ne $value 1.0 }}s{{ end }} held"
    ),
    description=(
        f"Its alerts go on as they last were, and end {HELD} after that, cured or not."
        + each(
            f"topk(10, count by (finding) ({select(RECORDED, **SAME)}))",
            SERVER,
            "Ill when it was last judged:",
            "{{ .Labels.finding }}",
            "finding",
        )
    ),
    cure=(
        "Start the daemon that watches it, or mend how Prometheus finds it (its page Targets);"
        " until then look at the server itself."
    ),
)
