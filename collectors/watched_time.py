"""Time in which the sessions of a server were looked at, and how busy they were."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, counter, gauge


@dataclass(frozen=True, slots=True)
class WatchedTime:
    """Since the daemon began to watch this server."""

    seconds: float
    active_sessions: float | None
    """Average of the last ten seconds that were looked at."""


watched_time: Collector[WatchedTime] = Collector(
    row=WatchedTime,
    lane=Lane.normal,
    metrics=(
        counter(
            "pg_wait_watched_seconds_total",
            "Seconds that the looks at sessions cover; it grows more slowly than time where there"
            " were none.",
            "seconds",
        ),
        gauge(
            "pg_active_sessions_average",
            "Average number of active sessions, waiting or not, over ten seconds.",
            "active_sessions",
        ),
    ),
)
