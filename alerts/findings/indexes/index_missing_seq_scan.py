"""A large table is read from end to end again and again, where an index would find the rows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, regclass, remark
from alerts.findings.indexes._drop import place
from alerts.findings.indexes._foreign_key import ForeignKey, foreign_keys
from alerts.findings.indexes._table_scans import Reads, Scanned, TableScans
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, Share, bytes_text, duration_text, share_text
from collectors._base import Role
from collectors._columns import where
from collectors.unindexed_foreign_keys import unindexed_foreign_keys
from collectors.user_tables import UserTable, user_tables

HOUR = timedelta(hours=1)
LATELY = timedelta(minutes=15)
SCANS = TableScans(HOUR)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which the reads are measured, at most one hour."""
    min_rate: Annotated[float, Slack(0.5)] = 100_000
    """Rows read sequentially per second: about one percent of a core."""
    warn_rate: Annotated[float, Slack(0.5)] = 1_000_000
    """Rows per second from which it is a warning."""
    min_scans: Annotated[int, FIXED] = 60
    """Scans within the window; a dump, a report or a load scans a few times."""
    min_rows: Annotated[int, FIXED] = 10_000
    """Rows of the table, and rows that a scan reads on average; fewer are read as fast without an
    index, or the scans end early."""
    min_bytes: Bytes = 8 * 1024**2
    """Minimum size of the table."""
    min_share: Share = 0.5
    """Share of the rows that were read sequentially, of all rows read."""


@dataclass(frozen=True, slots=True)
class Scans:
    """A table, with all of its partitions, and what was read of it."""

    parts: tuple[UserTable, ...]
    reads: Reads
    lately: Reads

    @property
    def path(self) -> tuple[str, str]:
        first = self.parts[0]
        return first.root_schemaname or first.schemaname, first.root_relname or first.relname

    @property
    def rows(self) -> float:
        return sum(max(part.reltuples, part.n_live_tup) for part in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(part.table_size_bytes or 0 for part in self.parts)

    @property
    def share(self) -> float:
        return self.reads.rows / max(1, self.reads.rows + self.reads.by_index)

    @property
    def rows_of_scan(self) -> float:
        return self.reads.rows / max(1, self.reads.scans)

    @property
    def rate(self) -> float:
        return _rate(self.reads)

    def is_ill(self, limits: Limits) -> bool:
        return (
            self.rate >= limits.min_rate
            and _rate(self.lately) >= limits.min_rate / 2
            and self.reads.scans >= limits.min_scans
            and self.rows_of_scan >= limits.min_rows
            and self.share >= limits.min_share
            and self.rows >= limits.min_rows
            and self.size_bytes >= limits.min_bytes
        )


def _rate(reads: Reads) -> float:
    return reads.rows / reads.seconds if reads.seconds else 0.0


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    scanned = snapshot.of(SCANS)
    missing = missing_indexes(snapshot)
    for table in tables(snapshot.rows(user_tables), scanned, limits):
        if not table.is_ill(limits):
            continue
        seconds, first = limits.window.total_seconds(), table.parts[0]
        if table.reads.seconds < seconds * 0.95:
            yield Unjudged(
                f"not watched for {duration_text(limits.window)} yet",
                first.datname,
                identifier(*table.path),
                until=snapshot.at + seconds - table.reads.seconds,
            )
        else:
            yield evidence(table, missing.get((first.datname, *table.path), ()), limits)


def tables(rows: Sequence[UserTable], scanned: Scanned, limits: Limits) -> Iterator[Scans]:
    """Yield the tables that were read sequentially; partitions count as one table."""
    moved = set(scanned.moved())
    groups = defaultdict[tuple[str, int], list[UserTable]](list)
    for row in where(rows, "relid", {relid for _, relid in moved}):
        if (row.datname, row.relid) in moved:
            groups[row.datname, row.root_relid or row.relid].append(row)
    for parts in groups.values():
        keys = [(part.datname, part.relid) for part in parts]
        yield Scans(
            tuple(parts),
            summed(scanned.within(key, limits.window) for key in keys),
            summed(scanned.within(key, LATELY) for key in keys),
        )


def summed(parts: Iterable[Reads]) -> Reads:
    seconds, scans, rows, by_index = zip(*parts, strict=True)
    return Reads(max(seconds), sum(scans), sum(rows), sum(by_index))


def missing_indexes(snapshot: Snapshot) -> Mapping[tuple[str, str, str], Sequence[ForeignKey]]:
    """Return the foreign keys without an index, by table: joins may be what scans it."""
    found = defaultdict[tuple[str, str, str], list[ForeignKey]](list)
    if snapshot.has(unindexed_foreign_keys):
        for key in foreign_keys(snapshot.rows(unindexed_foreign_keys)):
            found[key.first.datname, *key.path].append(key)
    return found


def evidence(table: Scans, lacking: Sequence[ForeignKey], limits: Limits) -> Evidence:
    name, reads = identifier(*table.path), table.reads
    database = table.parts[0].datname
    return Evidence(
        subject=name,
        severity=Severity.warning if table.rate >= limits.warn_rate else Severity.info,
        value=table.rate,
        message=(
            f"{name} ({bytes_text(table.size_bytes)}) was scanned sequentially"
            f" {plural(reads.scans, 'time')} within {duration_text(reads.seconds)}:"
            f" {table.rate:,.0f} rows per second, {table.rows_of_scan:,.0f} by each scan, and"
            f" {share_text(table.share)} of all rows read. An index is probably missing."
        ),
        facts={
            "scans": reads.scans,
            "rows_read": reads.rows,
            "rows_read_by_index": reads.by_index,
            "rows_of_scan": round(table.rows_of_scan),
            "rows": table.rows,
            "size_bytes": table.size_bytes,
            "sequential_share": table.share,
            "window_seconds": reads.seconds,
            "foreign_keys_without_index": ", ".join(key.columns for key in lacking) or None,
        },
        cure=(place(database), *cure(name, lacking)),
        check=check(table),
        object=name,
        database=database,
    )


def cure(name: str, lacking: Sequence[ForeignKey]) -> Iterator[str]:
    """Print the steps; which columns the statements compare is not visible in counters.

    A foreign key without an index is a candidate, and no more: its index is printed as a comment.
    """
    yield remark(f"1. Find the statement that reads {name}: in pg_stat_activity while it")
    yield remark("runs, or in pg_stat_statements among those with the most blocks per call.")
    yield remark("2. EXPLAIN it: a Seq Scan whose filter removes nearly all rows needs an index on")
    yield remark("the columns of that filter, those that are compared for equality first.")
    yield remark("3. Create it CONCURRENTLY, and see in EXPLAIN that it is used.")
    for key in lacking:
        yield remark(f"It may be {key.columns}: this foreign key has no index. If the statement")
        yield remark("compares it, these are the statements of step 3:")
        yield from (remark(line.removeprefix("--")) for line in key.cure()[1:])


def check(table: Scans) -> str:
    parts = [regclass(part.schemaname, part.relname) for part in table.parts[:20]]
    which = " OR ".join(equals("relid", part) for part in parts)
    return (
        "SELECT relid::pg_catalog.regclass, n_live_tup, seq_scan, seq_tup_read, idx_scan,"
        f" idx_tup_fetch FROM pg_catalog.pg_stat_user_tables WHERE {which};"
    )


finding = Finding(
    title="Missing index",
    severities=(Severity.info, Severity.warning),
    reads=(user_tables,),
    consults=(unindexed_foreign_keys,),
    history=(SCANS,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
    because=("fk_scan_cost",),
)
