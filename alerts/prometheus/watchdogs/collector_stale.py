"""A collector no longer gets answers, although its server is reachable."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.own_metrics import COLLECTOR_PACE, COLLECTOR_SUCCESS_TIMESTAMP, UP
from alerts.prometheus.promql import Same, select, wherever
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

SERVER = (*SCRAPED_FROM, "server")
MISSED = 3
"""Number of missed rounds; the daemon itself discards an answer after that, or one minute."""


def age(**wanted: str) -> str:
    return f"time() - {select(COLLECTOR_SUCCESS_TIMESTAMP, **wanted)}"


STALE = (
    f"{age()} > clamp_min({MISSED} * {COLLECTOR_PACE}, 60)\n"
    f"and on (job, instance, server) {UP} == 1"
)
OLDEST = (
    f"topk(10, min by (collector) ({age(**{label: Same() for label in SERVER})})"
    f" > max by (collector) ({MISSED} * "
    f"{select(COLLECTOR_PACE, **{label: Same() for label in SERVER})}))"
)

watchdog = Watchdog(
    title="pgvigil collector stale",
    severity=Severity.warning,
    expr=wherever(f"count without (collector) (\n{STALE}\n)"),
    hold=timedelta(minutes=5),
    summary="pgvigil collectors without fresh answers on {{ $labels.server }}: {{ $value }}",
    description=(
        "The server is reachable, but these queries fail; findings that need them are unknown."
        + each(
            OLDEST,
            (*SERVER, *SERVER),
            "Last answers:",
            "{{ .Labels.collector }}: {{ .Value | humanizeDuration }} ago",
        )
    ),
    cure=(
        "The status page shows the error. Permission denied: run the GRANT that `pgvigil doctor`"
        " prints. A timeout: end what the view waits for, or give its lane a longer pace."
    ),
)
