"""pg_stat_activity: sessions, their state, and for how long they have been in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors import _sizes as sizes
from collectors._base import Collector, Lane, Metric, Sample
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# Ages use clock_timestamp(): now() is fixed at the start of our transaction, and other sessions
# may start transactions after it.
QUERY = """
    select
        pid,
        leader_pid,
        {datname}                                                       as datname,
        {usename}                                                       as usename,
        application_name,
        client_addr::text,
        backend_type,
        state,
        wait_event_type,
        wait_event,
        query_id,
        {query}                                                         as query,
        backend_start::text                                             as backend_start_text,
        xact_start::text                                                as xact_start_text,
        extract(epoch from clock_timestamp() - backend_start)::float8   as backend_seconds,
        extract(epoch from clock_timestamp() - xact_start)::float8      as xact_seconds,
        extract(epoch from clock_timestamp() - query_start)::float8     as query_seconds,
        extract(epoch from clock_timestamp() - state_change)::float8    as state_seconds,
        backend_xid is not null                                         as has_xid,
        greatest(age(backend_xmin), age(backend_xid))::int8             as xmin_age,
        pid = pg_backend_pid()                                          as is_self,
        extract(epoch from query_start)::float8                         as query_start,
        age(backend_xid)::int8                                          as xid_age,
        age(backend_xmin)::int8                                         as backend_xmin_age
    from {sessions} a
""".replace("{query}", sizes.left("query", sizes.QUERY_BYTES))

UNTOLD = "disabled"
"""State of a session without track_activities: what it does, and since when, is not told."""


@dataclass(frozen=True, slots=True)
class Session:
    """One server process. None: unknown, or does not apply (no transaction, no database)."""

    pid: int
    leader_pid: int | None
    datname: str | None
    usename: str | None
    application_name: str | None
    client_addr: str | None
    backend_type: str | None
    state: str | None
    wait_event_type: str | None
    wait_event: str | None
    query_id: int | None
    query: str | None
    backend_start_text: str | None
    """As PostgreSQL prints it, in microseconds; with the pid it identifies a session."""
    xact_start_text: str | None
    backend_seconds: float | None
    xact_seconds: float | None
    query_seconds: float | None
    state_seconds: float | None
    has_xid: bool
    xmin_age: int | None
    """Age, in transactions, of the oldest row version that it may still need, or of its own xid."""
    is_self: bool
    query_start: float | None = None
    """Unix seconds; distinguishes the statements of a session."""
    xid_age: int | None = None
    """Transactions since it took a transaction id; None where it has written nothing."""
    backend_xmin_age: int | None = None
    """Transactions since its snapshot; None where it has none."""

    @property
    def key(self) -> str:
        return f"{self.pid}@{self.backend_start_text}"


def waits(rows: Sequence[Session]) -> Iterator[Sample]:
    """Yield a sample for each active session, labelled by its wait event; CPU if it has none."""
    for row in rows:
        if row.state == "active" and row.wait_event_type != "Activity" and not row.is_self:
            yield (row.wait_event_type or "CPU", row.wait_event or "CPU"), 1


looks: Metric[Session] = Metric(
    "pg_wait_event_looks_total",
    "counter",
    "How often pg_stat_activity was sampled for pg_wait_event_samples_total.",
    (),
    lambda _: (((), 1),),
    adds_up=True,
)

activity = Collector(
    row=Session,
    lane=Lane.fast,
    sql={140000: without_tables(QUERY)},
    key=("pid", "backend_start_text"),
    needs=(READ_ALL_STATS,),
    metrics=(
        Metric(
            "pg_wait_event_samples_total",
            "counter",
            "Active sessions seen with this wait event, or with none (CPU), over all samples; its"
            " rate divided by that of pg_wait_event_looks_total is the mean number of such"
            " sessions.",
            ("wait_event_type", "wait_event"),
            waits,
            adds_up=True,
        ),
        looks,
        looks.also("pg_exporter_scrapes_total"),
    ),
)
