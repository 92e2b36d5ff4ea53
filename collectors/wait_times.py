"""Session seconds by wait event, which the daemon sums from its looks at pg_stat_activity."""

from dataclasses import dataclass

from collectors._base import Bound, Collector, Lane, counter


@dataclass(frozen=True, slots=True)
class WaitTime:
    """One wait event, or none (CPU), since the daemon began to watch this server."""

    wait_event_type: str
    wait_event: str
    seconds: float


wait_times: Collector[WaitTime] = Collector(
    row=WaitTime,
    lane=Lane.normal,
    key=("wait_event_type", "wait_event"),
    counters=("seconds",),
    bound=Bound(rank="seconds", top=60, within=""),
    metrics=(
        counter(
            "pg_wait_seconds_total",
            "Seconds that active sessions spent at this wait event, or at none (CPU), together;"
            " its rate is the average number of such sessions. Each look counts for the time"
            " since the one before, and time without looks is not counted.",
            "seconds",
            ("wait_event_type", "wait_event"),
        ),
    ),
)
