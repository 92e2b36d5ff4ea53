"""A finding keeps an old verdict, although its collectors have new answers."""

from datetime import timedelta

from alerts._base import Severity, State
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.own_metrics import (
    COLLECTOR_PACE,
    FINDING_STATE,
    FINDING_VERDICT_TIMESTAMP,
    UP,
)
from alerts.prometheus.promql import Same, one_of, select, wherever
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

SERVER = (*SCRAPED_FROM, "server")
SAME = {label: Same() for label in SERVER}

# Missing privileges and answers are reported by the finding `observer_blind`.
NOT_EXPECTED = one_of((State.unknown, State.not_applicable))
OLD = (
    f"time() - {FINDING_VERDICT_TIMESTAMP}\n"
    f"> on (job, instance, server) group_left ()"
    f" clamp_min(3 * max without (collector) ({COLLECTOR_PACE}), 60)\n"
    f"unless on (job, instance, server, finding)"
    f" {select(FINDING_STATE, state=NOT_EXPECTED)} == 1\n"
    f"and on (job, instance, server) {UP} == 1"
)
OLDEST = (
    f"topk(10, time() - max by (finding) ({select(FINDING_VERDICT_TIMESTAMP, **SAME)})"
    f" > scalar(clamp_min(3 * max({select(COLLECTOR_PACE, **SAME)}), 60))"
    f" unless on (finding) {select(FINDING_STATE, state=NOT_EXPECTED, **SAME)} == 1)"
)

watchdog = Watchdog(
    title="pgvigil finding not judged",
    severity=Severity.warning,
    expr=wherever(f"count without (finding) (\n{OLD}\n)"),
    hold=timedelta(minutes=5),
    summary="Findings that pgvigil no longer judges on {{ $labels.server }}: {{ $value }}",
    description=(
        "Their verdicts are old: neither ill nor healthy can be trusted."
        + each(
            OLDEST,
            SERVER * 3,
            "Oldest verdicts:",
            "{{ .Labels.finding }}: {{ .Value | humanizeDuration }} ago",
        )
    ),
    cure=(
        "Compare the clocks of Prometheus and pgvigil; if they agree, restart pgvigil; with a"
        " state file it keeps its history."
    ),
)
