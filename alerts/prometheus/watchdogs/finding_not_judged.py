"""A finding keeps an old verdict, although its collectors have new answers."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.own_metrics import FINDING_VERDICT_TIMESTAMP, UP, VERDICTS_OVERDUE
from alerts.prometheus.promql import Same, select, wherever
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

SERVER = (*SCRAPED_FROM, "server")
SAME = {label: Same() for label in SERVER}

OLD = f"time() - {VERDICTS_OVERDUE} > 0\nand on (job, instance, server) {UP} == 1"
OLDEST = f"topk(10, time() - max by (finding) ({select(FINDING_VERDICT_TIMESTAMP, **SAME)}))"

watchdog = Watchdog(
    title="pgvigil finding not judged",
    severity=Severity.warning,
    expr=wherever(OLD),
    hold=timedelta(minutes=5),
    summary=(
        "Verdicts of pgvigil on {{ $labels.server }} are overdue by {{ $value | humanizeDuration }}"
    ),
    description=(
        "Their verdicts are old: neither ill nor healthy can be trusted."
        + each(
            OLDEST,
            SERVER,
            "Oldest verdicts:",
            "{{ .Labels.finding }}: {{ .Value | humanizeDuration }} ago",
        )
    ),
    cure=(
        "Compare the clocks of Prometheus and pgvigil; if they agree, restart pgvigil; with a"
        " state file it keeps its history."
    ),
)
