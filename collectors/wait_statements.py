"""Session seconds by statement, from the looks at pg_stat_activity; published where asked for."""

from dataclasses import dataclass

from collectors._base import Bound, Collector, Lane, counter


@dataclass(frozen=True, slots=True)
class WaitStatement:
    """Waits of sessions in one statement, since the daemon watches."""

    queryid: str
    wait_event_type: str
    wait_event: str
    seconds: float


wait_statements: Collector[WaitStatement] = Collector(
    row=WaitStatement,
    lane=Lane.normal,
    key=("queryid", "wait_event_type", "wait_event"),
    counters=("seconds",),
    bound=Bound(rank="seconds", top=0, within=""),
    metrics=(
        counter(
            "pg_wait_statement_seconds_total",
            "Seconds that active sessions spent at this wait event, or at none (CPU), in this"
            " statement. Only with the setting `bounds.wait_statements`, as the number of"
            " statements has no limit.",
            "seconds",
            ("queryid", "wait_event_type", "wait_event"),
        ),
    ),
)
