"""Partitioned tables with their partitions, as one answer of the collector has them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.cure import identifier
from alerts.partitions.bound import Range, is_known, range_of
from alerts.snapshot import Snapshot
from collectors._columns import where
from collectors.partitions import Partition, partitions

IN_RANGES, IN_LISTS = "r", "l"
DEFAULT = "DEFAULT"


@dataclass(frozen=True, slots=True)
class Ranged:
    """A range partition whose bounds can be read."""

    partition: Partition
    range: Range


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A partitioned table and its direct partitions."""

    table: Partition
    partitions: Sequence[Partition]

    @property
    def name(self) -> str:
        return name_of(self.table)

    @property
    def default(self) -> Partition | None:
        """Its DEFAULT partition."""
        wanted = self.table.default_relid
        return next((one for one in self.partitions if wanted and one.relid == wanted), None)

    @property
    def has_known_ranges(self) -> bool:
        """Whether it has ranges of the first column of its key, whose type has a known order.

        Of a key with more columns, every range must be one of the first column alone.
        """
        table = self.table
        is_ordered = table.key_column is not None and is_known(table.key_type)
        if table.strategy != IN_RANGES or not is_ordered:
            return False
        ranged = len(self.partitions) - (self.default is not None)
        return table.key_columns == 1 or len(self.ranges()) == ranged

    def ranges(self) -> list[Ranged]:
        """Return the partitions with their ranges, in order; without those that can't be read."""
        key_type = self.table.key_type or ""
        columns = self.table.key_columns or 1
        known = ((one, range_of(one.bound, key_type, columns)) for one in self.partitions)
        found = [Ranged(one, r) for one, r in known if r is not None]
        return sorted(found, key=_by_lower)


def _by_lower(one: Ranged) -> tuple[bool, float]:
    lower = one.range.lower
    if lower is None:
        return False, 0.0
    return True, lower if isinstance(lower, int) else lower.timestamp()


def name_of(one: Partition) -> str:
    return identifier(one.schemaname, one.relname)


def partitioned_tables(snapshot: Snapshot) -> Sequence[Partitioned]:
    """Return all partitioned tables of a server; made once for all judges of a snapshot."""
    return snapshot.once(_partitioned_tables)


def _partitioned_tables(snapshot: Snapshot) -> Sequence[Partitioned]:
    rows = snapshot.rows(partitions)
    children: defaultdict[tuple[str, int], list[Partition]] = defaultdict(list)
    for row in rows:
        if row.parent_relid is not None:
            children[row.datname, row.parent_relid].append(row)
    return [Partitioned(one, children[one.datname, one.relid]) for one in _parents(rows)]


def _parents(rows: Sequence[Partition]) -> Iterator[Partition]:
    return where(rows, "relkind", ("p",))


def leaves_of(snapshot: Snapshot) -> Mapping[tuple[str, int], Sequence[Partition]]:
    """Return the tables with rows below each partitioned table, on whatever level."""
    return snapshot.once(_leaves)


def _leaves(snapshot: Snapshot) -> Mapping[tuple[str, int], Sequence[Partition]]:
    by_parent = {(one.table.datname, one.table.relid): one for one in partitioned_tables(snapshot)}
    found: dict[tuple[str, int], list[Partition]] = {}

    def below(key: tuple[str, int], depth: int = 0) -> list[Partition]:
        if key not in found:
            own: list[Partition] = []
            for part in by_parent[key].partitions:
                inner = part.datname, part.relid
                deeper = inner in by_parent and depth < 32
                own += below(inner, depth + 1) if deeper else [part]
            found[key] = own
        return found[key]

    for key in by_parent:
        below(key)
    return found


def has_rows(leaves: Sequence[Partition]) -> bool:
    """Whether anything was ever inserted, as far as counters and the last vacuum tell."""
    return any(one.n_tup_ins > 0 or one.n_live_tup > 0 or one.reltuples > 0 for one in leaves)
