"""Two indexes with the same definition cost twice as much as one, and serve no more queries."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import Evidence, Outcome
from alerts.cure import identifier
from alerts.findings.indexes._definition import is_bound, rank, same_work
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


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for twins in duplicates(snapshot.rows(index_layout)):
        kept = min(twins, key=rank)
        for spare in twins:
            if spare is not kept and can_go(spare, kept) and spare.size_bytes >= limits.min_bytes:
                yield evidence(spare, kept)


def duplicates(rows: Sequence[IndexLayout]) -> Iterator[list[IndexLayout]]:
    """Yield the groups of valid indexes that can replace each other."""
    alike = defaultdict[tuple[object, ...], list[int]](list)
    names = ("datname", "relid", "indkey", "indclass", "indoption", "indexrelid")
    for *key, index in zip(*(column(rows, name) for name in names), strict=True):
        alike[tuple(key)].append(index)
    suspects = {index for group in alike.values() if len(group) > 1 for index in group}
    groups = defaultdict[tuple[object, ...], list[IndexLayout]](list)
    for row in where(rows, "indexrelid", suspects):
        if row.is_valid:
            groups[same_work(row)].append(row)
    return (group for group in groups.values() if len(group) > 1)


def can_go(spare: IndexLayout, kept: IndexLayout) -> bool:
    """Return True if the other one enforces all that this one enforces."""
    if is_bound(spare):
        return False
    if not spare.is_unique:
        return True
    same_nulls = spare.nulls_not_distinct == kept.nulls_not_distinct
    return kept.is_unique and kept.is_immediate and same_nulls


def evidence(spare: IndexLayout, kept: IndexLayout) -> Evidence:
    name = identifier(spare.schemaname, spare.indexrelname)
    other = identifier(kept.schemaname, kept.indexrelname)
    table = identifier(spare.schemaname, spare.relname)
    why = " and backs a constraint" if kept.backs_constraint else ""
    message = (
        f"{name} on {table} is the same as {other}, which stays{why}: each write to the table"
        f" updates both, and this one takes {bytes_text(spare.size_bytes)}."
    )
    return spare_index(spare, kept, message, {"same_as": other}, f"Keep {other}.")


finding = layout_review("Duplicate index", Limits(), judge)
