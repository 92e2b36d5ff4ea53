"""The changed configuration is invalid; the previous one is still in use."""

from datetime import timedelta

from alerts._base import Severity
from alerts.prometheus.own_metrics import CONFIG_RELOAD_OK
from alerts.prometheus.watchdogs._base import Watchdog

watchdog = Watchdog(
    title="pgvigil configuration reload failed",
    severity=Severity.warning,
    expr=f"{CONFIG_RELOAD_OK} == 0",
    hold=timedelta(minutes=5),
    summary="pgvigil at {{ $labels.instance }} could not reload its configuration",
    description=(
        "It continues with the previous one, but would not start with the new one."
        " Its log names the wrong setting."
    ),
    cure=(
        "Restore the previous file, or correct the setting that `pgvigil check --config PATH`"
        " names; the file is read again automatically."
    ),
)
