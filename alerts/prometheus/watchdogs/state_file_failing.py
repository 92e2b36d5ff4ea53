"""The state file can't be written: a restart would lose windows and since-times."""

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
        "It continues from memory, but a restart would lose since-times and long windows: unused"
        " indexes would have to be observed for weeks again. Its log names the reason."
    ),
    cure=(
        "Free space on the volume of the state file, make it writable for pgvigil's user, or give"
        " each pgvigil a file of its own; it tries again automatically. Remove a damaged file."
    ),
)
