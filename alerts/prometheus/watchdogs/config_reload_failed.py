"""The configuration was changed to something that can't be read; the old one is still in force."""

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
        "It goes on with the old one, and would not start with the new one."
        " Its log has one sentence that names the field."
    ),
    cure=(
        "Put back the file from before, or correct the field that `pgvigil check --config PATH`"
        " names; it is read again by itself."
    ),
)
