"""A table whose indexes cost its writes more than they give to its queries."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import equals, identifier, regclass, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import kept, place
from alerts.findings.indexes._review import layout_review
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, bytes_text, duration_text
from collectors._columns import column, where
from collectors.index_layout import IndexLayout, index_layout

SHOWN = 10
"""Number of indexes that are named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    max_indexes: int = 10
    """Indexes of one table; more are reported if rows are written more often than indexes are
    scanned."""
    min_writes: int = 100_000
    """Index entries written since the statistics began, below which nothing is judged."""
    min_age: Annotated[Duration, FIXED] = timedelta(days=7)
    """Age of the statistics."""
    min_bytes: Bytes = 100 * 1024**2
    """Minimum size of an index that is rarely used."""
    rare: Annotated[float, Slack(1.1)] = 0.01
    """Scans for each entry written, below which an index is rarely used. One that was never scanned
    is judged by index_unused."""
    wide_scan: int = 10_000
    """Entries that a scan reads on average, from which an index is named as inefficient."""


@dataclass(frozen=True, slots=True)
class Load:
    """The indexes of one table, and what was done with them since the statistics began."""

    indexes: tuple[IndexLayout, ...]
    seconds: float

    @property
    def first(self) -> IndexLayout:
        return self.indexes[0]

    @property
    def table(self) -> str:
        return identifier(self.first.schemaname, self.first.relname)

    @property
    def writes(self) -> int:
        """Entries written to each index; a HOT update writes none."""
        return self.first.entries_due

    @property
    def scans(self) -> int:
        return sum(index.idx_scan for index in self.indexes)

    @property
    def size_bytes(self) -> int:
        return sum(index.size_bytes for index in self.indexes)

    def rarely_used(self, limits: Limits) -> list[IndexLayout]:
        """Return the indexes that queries need hardly ever, the largest first."""
        rare = [
            index
            for index in self.indexes
            if index.size_bytes >= limits.min_bytes
            and 0 < index.idx_scan < limits.rare * self.writes
            and index.got_all_entries
            and not (index.is_unique or index.supports_fk or is_bound(index))
        ]
        return sorted(rare, key=lambda index: -index.size_bytes)

    def inefficient(self, limits: Limits) -> list[IndexLayout]:
        """Return the indexes whose scans read very many entries."""
        return [i for i in self.indexes if i.idx_scan and _entries(i) >= limits.wide_scan]

    def are_too_many(self, limits: Limits) -> bool:
        return len(self.indexes) > limits.max_indexes and self.writes > self.scans


def _entries(index: IndexLayout) -> float:
    return index.idx_tup_read / index.idx_scan


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for load in loads(snapshot.rows(index_layout), snapshot.at, limits):
        rare = load.rarely_used(limits)
        if rare or load.are_too_many(limits):
            yield evidence(load, rare, limits)


def loads(rows: Sequence[IndexLayout], at: float, limits: Limits) -> Iterator[Load]:
    """Yield the indexes of tables that are written, and have a large index or very many."""
    tables = list(zip(column(rows, "datname"), column(rows, "relid"), strict=True))
    many = {table for table, n in Counter(tables).items() if n > limits.max_indexes}
    columns = (column(rows, name) for name in ("size_bytes", "n_tup_ins", "n_tup_upd"))
    suspects = {
        table[1]
        for table, size, inserted, updated in zip(tables, *columns, strict=True)
        if inserted + updated >= limits.min_writes and (table in many or size >= limits.min_bytes)
    }
    groups = defaultdict[tuple[str, int], list[IndexLayout]](list)
    for row in where(rows, "relid", suspects):
        groups[row.datname, row.relid].append(row)
    for indexes in groups.values():
        load = Load(tuple(indexes), at - (indexes[0].stats_reset or at))
        old = load.seconds >= limits.min_age.total_seconds()
        if old and load.writes >= limits.min_writes and not indexes[0].is_of_extension:
            yield load


def evidence(load: Load, rare: Sequence[IndexLayout], limits: Limits) -> Evidence:
    verb = "hardly serves" if len(rare) == 1 else "hardly serve"
    few = f", of which {_listed(rare)} {verb} any query" if rare else ""
    wide = load.inefficient(limits)
    return Evidence(
        subject=load.table,
        severity=Severity.info,
        value=load.size_bytes,
        message=(
            f"{load.table} ({bytes_text(load.first.table_bytes)}) has"
            f" {plural(len(load.indexes), 'index', 'indexes')} of {bytes_text(load.size_bytes)}"
            f"{few}: each was written {load.writes:,} times within {duration_text(load.seconds)},"
            f" and together they were scanned {plural(load.scans, 'time')}."
        ),
        facts={
            "indexes": len(load.indexes),
            "size_bytes": load.size_bytes,
            "table_bytes": load.first.table_bytes,
            "entries_written": load.writes * len(load.indexes),
            "scans": load.scans,
            "rarely_used": _listed(rare) or None,
            "inefficient": _listed(wide) or None,
            "window_seconds": load.seconds,
        },
        cure=(place(load.first.datname), *cure(load, rare, wide)),
        check=check(load),
        object=load.table,
        database=load.first.datname,
    )


def _listed(indexes: Sequence[IndexLayout]) -> str:
    named = [identifier(index.indexrelname) for index in indexes[:SHOWN]]
    more = len(indexes) - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def cure(load: Load, rare: Sequence[IndexLayout], wide: Sequence[IndexLayout]) -> Iterator[str]:
    """Advise step by step: counters don't tell which report an index is there for."""
    yield remark("1. Find out which statements use those with few scans; a report may need them.")
    for index in rare[:SHOWN]:
        path = index.schemaname, index.indexrelname
        yield remark(
            f"{identifier(*path)}: {plural(index.idx_scan, 'scan')}, {bytes_text(index.size_bytes)}"
        )
        yield from kept(*path)
    yield remark("2. Drop those that no statement needs, one a day, with DROP INDEX CONCURRENTLY.")
    if wide:
        yield remark(
            f"3. {_listed(wide)}: a scan reads very many entries. Put the columns that are compared"
            " for equality first."
        )


def check(load: Load) -> str:
    which = equals("relid", regclass(load.first.schemaname, load.first.relname))
    return (
        "SELECT indexrelid::pg_catalog.regclass, idx_scan, idx_tup_read,"
        " pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(indexrelid))"
        f" FROM pg_catalog.pg_stat_user_indexes WHERE {which} ORDER BY idx_scan;"
    )


finding = layout_review("Costly indexes of a table", Limits(), judge)
