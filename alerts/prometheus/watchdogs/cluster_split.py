"""Primaries on two timelines in one cluster, seen by daemons that don't know of each other."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.own_metrics import SERVER_INFO, UP
from alerts.prometheus.promql import Regex, Same, select
from alerts.prometheus.template_queries import each
from alerts.prometheus.watchdogs._base import Watchdog
from collectors._base import Role

# A name that was set ends in the system identifier; clones and restores share that alone.
NAMED = Regex(".+/.+")


def primaries(**wanted: str) -> str:
    """The primaries that answer."""
    wanted = {"role": Role.primary.value, **wanted}
    return f"{select(SERVER_INFO, **wanted)} and on (job, instance, server) {UP} == 1"


watchdog = Watchdog(
    title="pgvigil sees two primaries in one cluster",
    severity=Severity.critical,
    # Daemons side by side see the same primary, on one timeline.
    expr=(
        "count by (job, cluster) (count by (job, cluster, timeline)"
        f" (\n{primaries(cluster=NAMED)}\n)) > 1"
    ),
    # A switchover is over by then, and the old primary's daemon has looked again.
    hold=timedelta(minutes=1),
    summary="Cluster {{ $labels.cluster }} has primaries on {{ $value }} timelines",
    description=(
        "Both accept writes, so their data diverge, and one side will be lost."
        + each(
            f"max by (server, timeline) ({primaries(job=Same(), cluster=Same())})",
            ("job", "cluster"),
            "Primaries:",
            "{{ .Labels.server }}, timeline {{ .Labels.timeline }}",
            "server",
        )
    ),
    cure=(
        "Stop the application's writes to both before anything else; then decide which one stays,"
        " as `pgvigil explain two_primaries` says."
    ),
)
