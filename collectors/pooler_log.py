"""Refused logins as a pooler's log tells them; the daemon reads the file and supplies them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from collectors._base import Collector, Kind, Lane, Metric, Sample, gauge


class Side(StrEnum):
    """Sides of a refusal."""

    client = "client"
    """The pooler refused a client."""
    server = "server"
    """A server refused the pooler."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Logins that failed for one cause. No text of the log is kept."""

    side: Side
    cause: str
    """Of a client: password, database, parameter, limit, disabled. Of a server: password, missing,
    rules, slots, starting, unreachable, other."""
    database: str | None
    """As the pooler names it. None: unknown, or one that it does not have."""
    user: str | None
    """Role of the pool; None for clients, as what was typed as a name may be a password."""
    count: int
    """Since the daemon began to read."""
    times: tuple[float, ...]
    """When the last ones were read, in unix seconds, the oldest first."""


@dataclass(frozen=True, slots=True)
class PoolerLog:
    """The one row of a pooler whose log is read."""

    since: float
    """When reading began, in unix seconds."""
    refusals: tuple[Refusal, ...]
    records: int
    dropped: int
    """Lines that are too long."""
    skipped_bytes: int
    behind_bytes: int


def _refusals(rows: Sequence[PoolerLog]) -> Iterable[Sample]:
    for row in rows:
        yield from _summed(row.refusals)


def _summed(refusals: Iterable[Refusal]) -> Iterator[Sample]:
    counts: Counter[tuple[str, str, str | None]] = Counter()
    for one in refusals:
        counts[one.side.value, one.cause, one.database] += one.count
    yield from counts.items()


pooler_log: Collector[PoolerLog] = Collector(
    row=PoolerLog,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    metrics=(
        Metric(
            "pgbouncer_log_refused_logins_total",
            "counter",
            "Refused logins in the pooler's log: of clients, and of the pooler at its servers.",
            ("side", "cause", "database"),
            _refusals,
        ),
        gauge(
            "pgbouncer_log_behind_bytes", "Bytes of the log that are not read yet.", "behind_bytes"
        ),
    ),
)
