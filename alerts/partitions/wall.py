"""Walls of partitioned tables: where their partitions end, and how soon rows come there."""

from dataclasses import dataclass
from datetime import datetime

from alerts.partitions.activity import PARTITION_ACTIVITY, Root
from alerts.partitions.bound import Point, moment
from alerts.partitions.coverage import Coverage, coverage
from alerts.partitions.step import Step, step_of
from alerts.partitions.tree import Partitioned, Ranged, has_rows, leaves_of, partitioned_tables
from alerts.snapshot import Snapshot
from collectors.partitions import Partition
from collectors.sequences import sequences
from collectors.settings import settings


class Learning(Exception):
    """The rate of inserts is not known yet."""


@dataclass(frozen=True, slots=True)
class PartitionWall:
    """End of the partitions of a table, and the time until it is reached."""

    table: Partitioned
    ranges: list[Ranged]
    around: Coverage
    end: Point
    seconds: float
    """Negative: it is past."""
    step: Step | None
    inserts_per_second: float | None
    is_estimated: bool = False
    """Whether the time follows from the rate of inserts."""

    @property
    def seconds_of_step(self) -> float:
        """How long one partition lasts; 0 if that is unknown."""
        if self.step is None:
            return 0.0
        if self.is_estimated:
            return self.step.number / (self.inserts_per_second or 1.0)
        return self.step.duration.total_seconds()


def wall_of(snapshot: Snapshot, table: Partitioned, ranges: list[Ranged]) -> PartitionWall | None:
    """Return the wall of a table that is in use. Raises Learning."""
    ends = (end for one in ranges for end in (one.range.lower, one.range.upper))
    of = _of_numbers if any(isinstance(end, int) for end in ends) else _of_times
    return of(snapshot, table, ranges)


def _of_times(snapshot: Snapshot, table: Partitioned, ranges: list[Ranged]) -> PartitionWall | None:
    """Return the wall of a table whose rows carry the time of their insert."""
    now = moment(snapshot.at)
    around = coverage(ranges, now)
    if around is None or around.end is None or not _is_in_use(snapshot, around):
        return None
    assert isinstance(around.end, datetime)
    known = snapshot.of(PARTITION_ACTIVITY).get(_root_of(snapshot, table))
    return PartitionWall(
        table,
        ranges,
        around,
        around.end,
        (around.end - now).total_seconds(),
        step_of([one.range for one in ranges], _zones(snapshot)),
        known.inserts_per_second if known else None,
    )


def _is_in_use(snapshot: Snapshot, around: Coverage) -> bool:
    """Whether rows came into the partition of now, or into the one before it."""
    leaves = leaves_of(snapshot)
    near = (one.partition for one in (around.current, around.previous) if one)
    return any(has_rows(leaves.get((one.datname, one.relid), (one,))) for one in near)


def _root_of(snapshot: Snapshot, table: Partitioned) -> Root:
    parents = snapshot.once(_parents_by_child)
    key = table.table.datname, table.table.relid
    while (parent := parents.get(key)) is not None:
        key = key[0], parent
    return key


def _parents_by_child(snapshot: Snapshot) -> dict[tuple[str, int], int]:
    """Return the parents of tables that are partitioned and partitions."""
    tables = (one.table for one in partitioned_tables(snapshot))
    return {(t.datname, t.relid): t.parent_relid for t in tables if t.parent_relid is not None}


def _zones(snapshot: Snapshot) -> tuple[str, ...]:
    """Return time _zones in which the partitions may be made: ours is UTC, the log's is not."""
    if not snapshot.has(settings):
        return ()
    known = snapshot.answer(settings).by("name").get("log_timezone")
    return (known.setting,) if known and known.setting else ()


def _of_numbers(
    snapshot: Snapshot, table: Partitioned, ranges: list[Ranged]
) -> PartitionWall | None:
    """Return the wall of a table whose key counts up, from how fast rows come."""
    filled = [one for one in ranges if has_rows(_leaves_below(snapshot, one.partition))]
    position = _position_of(snapshot, table, filled)
    around = None if position is None else coverage(ranges, position)
    if position is None or around is None or around.end is None:
        return None
    known = snapshot.of(PARTITION_ACTIVITY).get(_root_of(snapshot, table))
    if known is None:
        raise Learning
    if not known.inserted:
        return None
    assert isinstance(around.end, int)
    return PartitionWall(
        table,
        ranges,
        around,
        around.end,
        (around.end - position) / known.inserts_per_second,
        step_of([one.range for one in ranges]),
        known.inserts_per_second,
        is_estimated=True,
    )


def _leaves_below(snapshot: Snapshot, one: Partition) -> tuple[Partition, ...]:
    return tuple(leaves_of(snapshot).get((one.datname, one.relid), (one,)))


def _position_of(snapshot: Snapshot, table: Partitioned, filled: list[Ranged]) -> int | None:
    """Return the newest key: of the sequence that feeds it, else at least by the rows there."""
    parent = table.table
    fed = snapshot.once(_values_by_column)
    key = parent.datname, parent.schemaname, parent.relname, parent.key_column or ""
    if (value := fed.get(key)) is not None:
        return value
    newest = filled[-1] if filled else None
    if newest is None or not isinstance(newest.range.lower, int):
        return None
    leaves = _leaves_below(snapshot, newest.partition)
    rows = sum(max(one.n_live_tup, int(one.reltuples)) for one in leaves)
    last, upper = newest.range.lower + rows, newest.range.upper
    return min(last, upper - 1) if isinstance(upper, int) else last


def _values_by_column(snapshot: Snapshot) -> dict[tuple[str, str, str, str], int]:
    """Return the last values of sequences by the column that they feed."""
    return {
        (row.datname, row.table_schemaname, row.relname or "", row.column_name or ""): value
        for row in (snapshot.answer(sequences).rows if snapshot.has(sequences) else ())
        if row.table_schemaname is not None and (value := row.last_value) is not None
    }
