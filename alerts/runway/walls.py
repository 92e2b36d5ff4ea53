"""Walls of a server: everything that stops it when it is used up, with its pace and its end."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from heapq import nlargest

from alerts.connections import usable_slots
from alerts.cure import identifier
from alerts.runway.connection_trends import ALL, CONNECTIONS
from alerts.runway.id_space import MXIDS, XIDS, IdSpace, age_limits
from alerts.runway.id_trends import ASSIGNED_MXIDS, ASSIGNED_XIDS
from alerts.runway.key_counters import counters, used_ratio
from alerts.runway.member_offsets import OFFSETS, SPACE
from alerts.runway.rate import Eta, Rate, eta
from alerts.runway.sequence_trends import GIVEN_OUT, LEAST_USED, key_of, wraps_in_peace
from alerts.runway.trends import Seen, Trend, Trends
from alerts.runway.volume_trends import VOLUMES
from alerts.snapshot import Snapshot, Unknown
from collectors.databases import databases
from collectors.integer_keys import integer_keys
from collectors.multixacts import multixacts
from collectors.sequences import LARGEST, sequences
from collectors.session_counts import session_counts
from collectors.volumes import volumes

SEQUENCES = 10
"""Sequences, and keys without one, that are listed: those that have used most."""


@dataclass(frozen=True, slots=True)
class Wall:
    """One thing that can be used up."""

    name: str
    used: float
    limit: float
    rate: Rate | None
    """Of what is used; None while it is not known."""
    known_at: float | None = None
    """Unix seconds when the rate will be known; None where that can't be said."""
    by_writes: bool = True
    """Whether writes use it up, so that more writes reach it earlier."""

    @property
    def share(self) -> float:
        return min(1.0, self.used / self.limit) if self.limit > 0 else 1.0

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.used)

    def eta(self, writes: float = 1.0) -> Eta | None:
        """Return when it is reached, at that multiple of the present writes; None: not in sight."""
        if self.rate is None:
            return None
        times = writes if self.by_writes else 1.0
        rate = self.rate
        faster = Rate(rate.low * times, rate.mid * times, rate.high * times, rate.span)
        return eta(self.left, faster)


def first_of(walls: list[Wall], writes: float) -> tuple[Wall, Eta] | None:
    """Return the wall that is reached first; None if none is in sight."""
    ends = [(wall, end) for wall in walls if (end := wall.eta(writes)) is not None]
    return min(ends, key=lambda one: one[1].early, default=None)


def walls(snapshot: Snapshot) -> list[Wall]:
    """Return all walls that are known, the most used first."""
    found: list[Wall] = []
    for part in (_ids, _members, _sequences, _keys, _connections, _volumes):
        with suppress(Unknown):
            found += part(snapshot)
    return sorted(found, key=lambda wall: wall.share, reverse=True)


def _ids(snapshot: Snapshot) -> Iterator[Wall]:
    """Yield both spaces of IDs, of the oldest database; as if nothing were frozen."""
    kinds: tuple[tuple[IdSpace, Trends], ...] = ((XIDS, ASSIGNED_XIDS), (MXIDS, ASSIGNED_MXIDS))
    for space, assigned in kinds:
        rows = snapshot.rows(databases)
        oldest = max(rows, key=space.age_of)
        limits = age_limits(snapshot, space)
        trend = _seen(snapshot, assigned).get("")
        name = f"{space.plural}, if {oldest.datname} is not vacuumed"
        yield _wall(name, space.age_of(oldest), limits.wall, trend)


def _members(snapshot: Snapshot) -> Iterator[Wall]:
    used = snapshot.of(OFFSETS).used(snapshot.row(multixacts))
    if used is not None:
        yield Wall("members of multixacts", used, SPACE, None)


def _sequences(snapshot: Snapshot) -> Iterator[Wall]:
    trends = _seen(snapshot, GIVEN_OUT)
    rows = [row for row in snapshot.rows(sequences) if not wraps_in_peace(row)]
    known = [row for row in rows if row.used_ratio is not None]
    known.sort(key=lambda row: row.used_ratio or 0.0, reverse=True)
    for row in known[:SEQUENCES]:
        whole = abs(row.last_possible - (row.min_value if row.increment > 0 else row.max_value))
        name = f"sequence {identifier(row.schemaname, row.sequencename)} in {row.datname}"
        used = (row.used_ratio or 0.0) * whole
        yield _wall(name, used, whole, trends.get(key_of(row)))


def _keys(snapshot: Snapshot) -> Iterator[Wall]:
    """Yield keys that are counted without a sequence, as the last ANALYZE has seen them."""
    found = counters(snapshot.rows(integer_keys), LEAST_USED)
    for row in nlargest(SEQUENCES, found, key=used_ratio):
        table = identifier(row.schemaname, row.relname)
        name = f"key {table}.{identifier(row.attname)} in {row.datname}"
        yield _wall(name, row.largest or 0, LARGEST[row.column_type], None)


def _connections(snapshot: Snapshot) -> Iterator[Wall]:
    trend = _seen(snapshot, CONNECTIONS).get(ALL)
    used = sum(row.backend_type == "client backend" for row in snapshot.rows(session_counts))
    yield _wall("connection slots", used, usable_slots(snapshot), trend, by_writes=False)


def _volumes(snapshot: Snapshot) -> Iterator[Wall]:
    trends = _seen(snapshot, VOLUMES)
    for row in snapshot.rows(volumes):
        if row.used_bytes is not None and row.size_bytes:
            name = f"volume of {row.places}, in bytes"
            yield _wall(name, row.used_bytes, row.size_bytes, trends.get(row.places))


def _seen(snapshot: Snapshot, kind: Trends) -> Seen:
    empty: Mapping[str, Trend] = {}
    return snapshot.of(kind) if snapshot.has(kind.collector) else empty


def _wall(
    name: str, used: float, limit: float, trend: Trend | None, *, by_writes: bool = True
) -> Wall:
    rate = trend.rate if trend else None
    until = trend.known_at if trend and trend.has_file and rate is None else None
    return Wall(name, used, limit, rate, until, by_writes)
