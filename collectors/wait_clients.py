"""Session seconds by database, user and application, from the looks at pg_stat_activity."""

from dataclasses import dataclass

from collectors._base import Bound, Collector, Lane, counter


@dataclass(frozen=True, slots=True)
class WaitClient:
    """Waits of the sessions of one client, by type of wait event, since the daemon watches."""

    datname: str | None
    usename: str | None
    application_name: str | None
    wait_event_type: str
    seconds: float


wait_clients: Collector[WaitClient] = Collector(
    row=WaitClient,
    lane=Lane.normal,
    key=("datname", "usename", "application_name", "wait_event_type"),
    counters=("seconds",),
    bound=Bound(rank="seconds", top=40, within=""),
    metrics=(
        counter(
            "pg_wait_client_seconds_total",
            "Seconds that active sessions of this client spent at wait events of this type, or at"
            " none (CPU), together; its rate is the average number of such sessions.",
            "seconds",
            ("datname", "usename", "application_name", "wait_event_type"),
        ),
    ),
)
