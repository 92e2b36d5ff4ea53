"""pg_stat_activity: numbers of sessions by state, and the age of their transactions."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Histogram, Lane, Metric, Sample
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

# Dashboards don't need these numbers every second, unlike `activity`. A database without sessions
# has a row too. Processes without a database use no connection slot, and are not counted.
QUERY = """
    select
        d.datname::text                                                 as datname,
        a.pid                                                           as pid,
        a.pid = pg_backend_pid()                                        as is_self,
        a.state                                                         as state,
        {usename}                                                       as usename,
        a.application_name                                              as application_name,
        a.backend_type                                                  as backend_type,
        a.wait_event_type                                               as wait_event_type,
        a.wait_event                                                    as wait_event,
        extract(epoch from a.xact_start)::float8                        as xact_start,
        extract(epoch from clock_timestamp() - a.xact_start)::float8    as xact_seconds,
        extract(epoch from clock_timestamp() - a.state_change)::float8  as state_seconds,
        case when a.backend_type = 'autovacuum worker' then substring(a.query from
            '^autovacuum: [A-Z ]+ (.*?)(?: \\(to prevent wraparound\\))?$')
        end                                                             as autovacuumed,
        extract(epoch from clock_timestamp() - a.backend_start)::float8 as backend_seconds
    from pg_catalog.pg_database d
    left join {sessions} a on a.datid = d.oid
"""


@dataclass(frozen=True, slots=True)
class CountedSession:
    """One session; or a database without sessions, then pid is None."""

    datname: str
    pid: int | None
    is_self: bool | None
    state: str | None
    usename: str | None
    application_name: str | None
    backend_type: str | None
    wait_event_type: str | None
    wait_event: str | None
    xact_start: float | None
    """Unix seconds; None outside of transactions."""
    xact_seconds: float | None
    state_seconds: float | None
    autovacuumed: str | None
    """The table of an autovacuum worker, with its schema."""
    backend_seconds: float | None = None
    """Age of the session."""

    @property
    def is_client(self) -> bool:
        return self.backend_type == "client backend" and not self.is_self


STATES = (
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
)
LABELS = (
    "datname",
    "state",
    "usename",
    "application_name",
    "backend_type",
    "wait_event_type",
    "wait_event",
)
BOUNDS = (1, 2, 5, 15, 30, 60, 90, 120, 300)
"""Upper bounds in seconds."""
APPLICATIONS = 100
"""Number of applications with their own histogram: those with the most sessions."""
Group = tuple[str | None, ...]
Sessions = Sequence[CountedSession]


def grouped(rows: Sessions) -> dict[Group, list[CountedSession]]:
    """Group sessions by the labels of the metrics; each database has every state, even if empty."""
    groups: dict[Group, list[CountedSession]] = {
        (datname, state, *[None] * 5): []
        for datname in sorted({row.datname for row in rows})
        for state in STATES
    }
    for row in rows:
        if row.state is not None:
            groups.setdefault(tuple(getattr(row, label) for label in LABELS), []).append(row)
    return groups


def count(rows: Sessions) -> Iterator[Sample]:
    for labels, sessions in grouped(rows).items():
        yield labels, len(sessions)


def longest_transaction(rows: Sessions) -> Iterator[Sample]:
    for labels, sessions in grouped(rows).items():
        yield labels, max((s.xact_seconds or 0 for s in sessions), default=0)


def open_transactions(rows: Sessions) -> list[CountedSession]:
    return [row for row in rows if row.xact_start is not None and row.is_client]


def transactions(rows: Sessions) -> Iterator[Sample]:
    yield (), len(open_transactions(rows))


def oldest_transaction(rows: Sessions) -> Iterator[Sample]:
    yield (), max((row.xact_seconds or 0 for row in open_transactions(rows)), default=0)


def oldest_start(rows: Sessions) -> Iterator[Sample]:
    yield (), min((row.xact_start or 0 for row in open_transactions(rows)), default=None)


def autovacuums(rows: Sessions) -> Iterator[Sample]:
    """Return the table without its schema, as existing dashboards expect."""
    started: dict[str, float] = {}
    for row in rows:
        if row.autovacuumed and row.xact_start is not None:
            relname = row.autovacuumed.partition(".")[2] or row.autovacuumed
            started[relname] = min(row.xact_start, started.get(relname, row.xact_start))
    for relname, start in started.items():
        yield (relname,), start


def idle_seconds(rows: Sessions) -> Iterator[Sample]:
    """Yield histograms of the idle time of sessions; small applications are summed as `other`."""
    silences: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.state and row.state.startswith("idle") and row.state_seconds is not None:
            key = row.state, row.application_name or ""
            silences.setdefault(key, []).append(row.state_seconds)
    ranked = sorted(silences, key=lambda key: (-len(silences[key]), key))
    for state, application in ranked[APPLICATIONS:]:
        silences.setdefault((state, "other"), []).extend(silences.pop((state, application)))
    for key, silence in silences.items():
        yield key, histogram(silence)


def which(name: str, text: str, are: Callable[[CountedSession], bool]) -> Metric[CountedSession]:
    """Define a metric that counts the sessions with a property."""

    def samples(rows: Sessions) -> list[Sample]:
        return [((), sum(map(are, rows)))]

    return Metric(name, "gauge", text, (), samples, legacy=True, note=OF_QUERIES)


def slow_statements(rows: Sessions) -> Iterator[Sample]:
    slow = Counter(row.datname for row in rows if is_slow(row))
    for datname in sorted({row.datname for row in rows}):
        yield (datname,), slow[datname]


def is_slow(row: CountedSession) -> bool:
    return row.is_client and row.state == "active" and (row.state_seconds or 0) > 1


def is_waiting(row: CountedSession) -> bool:
    return row.state == "active" and row.wait_event_type == "Lock"


def longest_wait(rows: Sessions) -> Iterator[Sample]:
    yield (), max((row.state_seconds or 0 for row in rows if is_waiting(row)), default=0)


def histogram(values: Sequence[float]) -> Histogram:
    buckets = {float(bound): sum(value <= bound for value in values) for bound in BOUNDS}
    return Histogram(buckets, len(values), sum(values))


OF_QUERIES = "From common user queries; without the additional labels of some of them."
age: Metric[CountedSession] = Metric(
    "pg_long_running_transactions_oldest_timestamp_seconds",
    "gauge",
    "Age in seconds of the oldest of them, despite the name.",
    (),
    oldest_transaction,
)

session_counts = Collector(
    row=CountedSession,
    lane=Lane.normal,
    sql={140000: without_tables(QUERY)},
    needs=(READ_ALL_STATS,),
    metrics=(
        Metric("pg_stat_activity_count", "gauge", "Sessions in this state.", LABELS, count),
        Metric(
            "pg_stat_activity_max_tx_duration",
            "gauge",
            "Seconds that the longest transaction of these sessions has been open.",
            LABELS,
            longest_transaction,
        ),
        Metric(
            "pg_long_running_transactions",
            "gauge",
            "Open transactions of clients, however short.",
            (),
            transactions,
            note="Without pgvigil's own query, and without walsenders.",
        ),
        age,
        age.also("pg_long_running_transactions_age_in_seconds"),
        which(
            "pg_long_running_transactions_transactions",
            "Transactions of clients that have been open for more than a minute.",
            lambda row: row.is_client and (row.xact_seconds or 0) > 60,
        ),
        Metric(
            "pg_slow_queries",
            "gauge",
            "Statements of clients that have been running for more than a second.",
            ("datname",),
            slow_statements,
            legacy=True,
            note="From common user queries.",
        ),
        which("pg_blocked_queries", "Sessions that wait for a lock.", is_waiting),
        which(
            "pg_stuck_idle_in_transaction_queries",
            "Sessions that have been idle in a transaction for more than ten minutes.",
            lambda row: row.state == "idle in transaction" and (row.state_seconds or 0) > 600,
        ),
        Metric(
            "pg_oldest_blocked_age_seconds",
            "gauge",
            "Duration of the oldest statement that waits for a lock.",
            (),
            longest_wait,
            legacy=True,
            note=OF_QUERIES,
        ),
        Metric(
            "pg_stat_activity_oldest_transaction_start_timestamp_seconds",
            "gauge",
            "When the oldest open transaction of a client began; absent if none is open.",
            (),
            oldest_start,
        ),
        Metric(
            "pg_stat_activity_autovacuum_timestamp_seconds",
            "gauge",
            "When the autovacuum of this table began.",
            ("relname",),
            autovacuums,
            note="For two tables with the same name, the one that began first.",
        ),
        Metric(
            "pg_process_idle_seconds",
            "histogram",
            "Idle time of idle sessions. It is computed again each time, so it is not a counter.",
            ("state", "application_name"),
            idle_seconds,
            note="One for each state and application; postgres_exporter serves only the first.",
        ),
    ),
)
