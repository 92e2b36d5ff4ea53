"""Tables whose rows are marked as deleted, and the indexes that hold the deleted rows too."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from alerts.cure import identifier
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._null_share import null_shares
from alerts.findings.indexes._partial import has_variable, mentions
from alerts.snapshot import Snapshot
from collectors._columns import where
from collectors.column_statistics import column_statistics
from collectors.index_layout import IndexLayout, index_layout
from collectors.soft_delete_columns import SoftDeleteColumn, soft_delete_columns


@dataclass(frozen=True, slots=True)
class SoftDelete:
    """A table with a column that marks deleted rows, and its valid indexes."""

    mark: SoftDeleteColumn
    indexes: tuple[IndexLayout, ...]
    null_share: float | None
    """Of the column; None if it is not known."""

    @property
    def table(self) -> str:
        return identifier(self.mark.schemaname, self.mark.relname)

    @property
    def column(self) -> str:
        return identifier(self.mark.attname)

    @property
    def deleted_share(self) -> float | None:
        """Share of the rows that are marked; None if unknown, as it is of a boolean."""
        if self.null_share is None or self.mark.typname == "bool":
            return None
        return 1 - self.null_share

    @property
    def is_live(self) -> str:
        """Condition of the rows that are not deleted."""
        if self.mark.typname != "bool":
            return f"{self.column} IS NULL"
        return f"NOT {self.column}" if self.mark.attnotnull else f"{self.column} IS NOT TRUE"

    @property
    def partial(self) -> list[IndexLayout]:
        """Return the indexes whose predicate asks for the mark."""
        return [i for i in self.indexes if has_variable(i.indpred or "", self.mark.attnum)]

    @property
    def full(self) -> list[IndexLayout]:
        """Return the indexes for scans that hold deleted rows as well, and have no partial twin."""
        return [
            index
            for index in self.indexes
            if not (index.is_unique or is_bound(index))
            and index.indpred is None
            and index.amname != "brin"
            and not mentions(index, self.mark.attnum)
            and not any(other.indkey == index.indkey for other in self.partial)
        ]


def soft_deletes(snapshot: Snapshot) -> Iterator[SoftDelete]:
    """Yield the tables that mark deleted rows; of several marks, the first column counts."""
    marks = dict[tuple[str, int], SoftDeleteColumn]()
    for mark in snapshot.rows(soft_delete_columns):
        known = marks.setdefault((mark.datname, mark.relid), mark)
        if mark.attnum < known.attnum:
            marks[mark.datname, mark.relid] = mark
    relids = {relid for _, relid in marks}
    indexes = defaultdict[tuple[str, int], list[IndexLayout]](list)
    for index in where(snapshot.rows(index_layout), "relid", relids):
        if index.is_valid:
            indexes[index.datname, index.relid].append(index)
    has_shares = snapshot.has(column_statistics)
    shares = null_shares(snapshot.rows(column_statistics), relids) if has_shares else {}
    for table, mark in marks.items():
        share = shares.get((*table, mark.attnum))
        yield SoftDelete(mark, tuple(indexes[table]), share)
