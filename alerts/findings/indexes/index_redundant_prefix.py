"""An index whose columns are the first columns of another one costs writes, and serves no more."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Outcome
from alerts.cure import identifier
from alerts.findings.indexes._definition import Definition, is_bound, rank, same_work
from alerts.findings.indexes._review import layout_review
from alerts.findings.indexes._spare import spare_index
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from collectors._columns import column, where
from collectors.index_layout import IndexLayout, index_layout


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    min_bytes: Bytes = 0
    """Minimum size of the index that can be dropped."""
    max_ratio: float = 2.0
    """How many times as large the other index may be: a much smaller one is cheaper to scan."""
    small_bytes: Bytes = 1024**2
    """Size up to which the other index is small enough in any case."""

    def allows(self, index: IndexLayout, wider: IndexLayout) -> bool:
        most = max(self.max_ratio * index.size_bytes, self.small_bytes)
        return index.size_bytes >= self.min_bytes and wider.size_bytes <= most


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for siblings in sharing_a_first_column(snapshot.rows(index_layout)):
        for one in siblings:
            if wider := best_cover(one, siblings, limits):
                yield evidence(one.index, wider.index)


def sharing_a_first_column(rows: Sequence[IndexLayout]) -> Iterator[list[Definition]]:
    """Yield the valid B-tree indexes of a table that begin with the same column."""
    alike = defaultdict[tuple[object, ...], list[int]](list)
    names = ("datname", "relid", "amname", "indkey", "indexrelid")
    columns = (column(rows, name) for name in names)
    for datname, relid, amname, indkey, index in zip(*columns, strict=True):
        if amname == "btree":
            alike[datname, relid, indkey.partition(" ")[0]].append(index)
    suspects = {index for group in alike.values() if len(group) > 1 for index in group}
    groups = defaultdict[tuple[object, ...], list[Definition]](list)
    for row in where(rows, "indexrelid", suspects):
        if row.is_valid and row.amname == "btree":
            groups[row.datname, row.relid, row.indkey.partition(" ")[0]].append(Definition(row))
    return (group for group in groups.values() if len(group) > 1)


def is_only_for_scans(index: IndexLayout) -> bool:
    """Return True if it enforces nothing and holds all rows; a partial one may be small and hot."""
    return not (index.is_unique or is_bound(index) or index.indpred is not None)


def best_cover(
    one: Definition, siblings: Sequence[Definition], limits: Limits
) -> Definition | None:
    """Return the index that does its work and is not redundant itself; None if there is none."""
    if not is_only_for_scans(one.index):
        return None
    covers = (
        other
        for other in siblings
        if replaces(other, one)
        and is_used(other.index)
        and limits.allows(one.index, other.index)
        and best_cover(other, siblings, limits) is None
    )
    return min(covers, key=lambda other: rank(other.index), default=None)


def replaces(other: Definition, one: Definition) -> bool:
    """Return True if the other one does its work; of two that replace each other only one does."""
    if not one.is_covered_by(other) or same_work(one.index) == same_work(other.index):
        return False
    return not other.is_covered_by(one) or rank(other.index) < rank(one.index)


def is_used(index: IndexLayout) -> bool:
    """Return True if it will not be found unused itself, so that both would be dropped."""
    return index.is_unique or is_bound(index) or index.idx_scan > 0


def evidence(index: IndexLayout, wider: IndexLayout) -> Evidence:
    name = identifier(index.schemaname, index.indexrelname)
    other = identifier(wider.schemaname, wider.indexrelname)
    table = identifier(index.schemaname, index.relname)
    message = (
        f"{name} on {table} holds the first columns of {other} in the same order, so {other}"
        f" ({bytes_text(wider.size_bytes)}) serves the same queries; this one takes"
        f" {bytes_text(index.size_bytes)}, and each write maintains both."
    )
    facts: dict[str, str | int] = {"covered_by": other, "covering_bytes": wider.size_bytes}
    keep = f"Keep {other}: from then on it serves these queries too."
    return spare_index(index, wider, message, facts, keep)


finding = layout_review("Redundant index", Limits(), judge)
