"""Findings to review on a server: one quiet alert for all of them."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.own_metrics import REVIEW_SUBJECTS
from alerts.prometheus.promql import Same, select
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog

SERVER = (*SCRAPED_FROM, "server")
SAME = {label: Same() for label in SERVER}

# Two daemons may watch the same server.
EACH_ONCE = f"max by ({', '.join(SERVER)}, chapter, severity) ({REVIEW_SUBJECTS})"
HERE = f"max by (chapter, severity) ({select(REVIEW_SUBJECTS, **SAME)})"

watchdog = Watchdog(
    title="Points to review",
    severity=Severity.info,
    expr=f"sum by ({', '.join(SERVER)}) ({EACH_ONCE}) > 0",
    # The severity makes it quiet; this only keeps out what comes and goes.
    hold=timedelta(minutes=5),
    summary="Points to review on {{ $labels.server }}: {{ $value }}",
    description=(
        "Findings without their own alerts, such as those about schema and settings."
        + each(
            f"sort_desc({HERE} > 0)",
            SERVER,
            "By chapter:",
            "{{ .Labels.chapter }}, {{ .Labels.severity }}: {{ .Value }}",
        )
    ),
    cure="Run `pgvigil review` when there is time; the status page has the same list, folded.",
)
