"""The state file is wanted and can't be written: a restart would forget windows and since-times."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.own_metrics import STATE_FILE_OK
from alerts.prometheus.watchdogs._base import Watchdog

watchdog = Watchdog(
    title="pgvigil state file failing",
    severity=Severity.warning,
    expr=f"{STATE_FILE_OK} == 0",
    hold=timedelta(minutes=10),
    summary="pgvigil at {{ $labels.instance }} can't write its state file",
    description=(
        "It goes on watching from memory, but a restart would lose since-times and long windows:"
        " unused indexes would have to be observed for weeks anew. Its log names the reason."
    ),
    cure=(
        "Make room on the volume of the state file, or make it writable for pgvigil's user; it"
        " tries again by itself within a minute."
    ),
)
