"""An unused index makes every write slower, and takes memory, disk space and backup space."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import nlargest
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, plain_ddl, regclass, remark
from alerts.findings.indexes._drop import dropped, kept, place
from alerts.findings.indexes._usage import (
    IDENTITY,
    NODES,
    SCANS,
    WRITES,
    Rest,
    Witness,
    identity_of,
    unheard,
    unused_seconds,
    witnesses,
)
from alerts.history.growth import Growths
from alerts.history.keys import Key
from alerts.history.unchanged import Unchanged, UnchangedFor
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, Names, bytes_text, duration_text
from collectors._base import Role
from collectors._columns import column, where
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.user_indexes import UserIndex, user_indexes
from collectors.wal_receiver import wal_receiver

PARENT_DELETES = Unchanged(user_indexes, "parent_deletes", IDENTITY)
QUARTER = timedelta(days=100)
MONTH_END = timedelta(days=35)
TOLD = 1000
"""Unused indexes of which a cure is written: the largest. That many are followed at most."""
SETTLED = 3600.0
"""Seconds within which a delete and the index scan that it caused are both counted and read."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = MONTH_END
    """Time without a scan on any server of the cluster. The default includes the end of a month."""
    min_bytes: Bytes = 10 * 1024**2
    """Minimum size; smaller indexes are not reported."""
    min_writes: int = 1000
    """Minimum number of rows written to its table within the window; without writes, an index costs
    only space."""
    forgotten: Annotated[Names, FIXED] = ()
    """Names of servers, standbys or slots that are no longer part of the cluster. Others are
    remembered for 90 days: what they use is unknown while they are not watched."""
    warn_bytes: Bytes = 1024**3
    """Size from which it is a warning."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that may be dropped if it is unused; for a partitioned table, with all its parts."""

    parts: tuple[UserIndex, ...]

    @property
    def database(self) -> str:
        return self.parts[0].datname

    @property
    def is_partitioned(self) -> bool:
        return self.parts[0].root_indexrelid is not None

    @property
    def path(self) -> tuple[str, str]:
        part = self.parts[0]
        return part.root_schemaname or part.schemaname, part.root_indexrelname or part.indexrelname

    @property
    def name(self) -> str:
        return identifier(*self.path)

    @property
    def table(self) -> str:
        part = self.parts[0]
        return identifier(self.path[0], part.root_relname or part.relname)

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)


@dataclass(frozen=True, slots=True)
class Writes:
    """Rows written to its table over a time that is known."""

    rows: float
    seconds: float

    def within(self, window: timedelta) -> float:
        """Return the rows of the window, where they are only known of a longer time."""
        return self.rows * min(1.0, window.total_seconds() / self.seconds) if self.seconds else 0


@dataclass(frozen=True, slots=True)
class Unused:
    """A candidate that is ill, before its cure is written."""

    candidate: Candidate
    seconds: float
    writes: Writes


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    found = list(candidates(snapshot.rows(user_indexes), limits))
    if not found:
        return
    parts = (part for candidate in found for part in candidate.parts)
    heard, doubt = witnesses(snapshot, parts), unheard(snapshot, limits.forgotten)
    parent_deletes, growths = snapshot.of(PARENT_DELETES), snapshot.of(WRITES)
    read_at = snapshot.answer(user_indexes).at
    unused: list[Unused] = []
    for candidate in found:
        everywhere = [witness.rests(candidate.parts) for witness in heard]
        seconds = unused_on_all(everywhere, limits.window)
        if seconds is None or serves_foreign_key(candidate, parent_deletes, seconds):
            continue
        writes = writes_of(candidate, growths, read_at, limits.window)
        known = min(seconds, writes.seconds)
        is_full = known >= limits.window.total_seconds()
        if is_full and writes.within(limits.window) < limits.min_writes:
            continue
        if why := doubt or unknown_to(heard, everywhere):
            yield Unjudged(why, candidate.database, candidate.name)
        elif not is_full:
            yield learning(candidate, limits, snapshot.at - known)
        else:
            unused.append(Unused(candidate, seconds, writes))
    for one in nlargest(TOLD, unused, key=lambda one: one.candidate.size_bytes):
        yield evidence(one.candidate, one.seconds, one.writes, len(heard), limits)


def candidates(rows: Sequence[UserIndex], limits: Limits) -> Iterator[Candidate]:
    groups: dict[tuple[Hashable, ...], list[UserIndex]] = defaultdict(list)
    for row in where(rows, "indexrelid", large(rows, limits)):
        groups[row.datname, row.root_indexrelid or row.indexrelid].append(row)
    for parts in groups.values():
        found = Candidate(tuple(parts))
        if found.size_bytes >= limits.min_bytes and all(map(is_only_for_reading, parts)):
            yield found


def large(rows: Sequence[UserIndex], limits: Limits) -> set[int]:
    """Return the OIDs of large indexes, with all their partitions."""
    own = column(rows, "indexrelid")
    roots = (
        root or index for root, index in zip(column(rows, "root_indexrelid"), own, strict=True)
    )
    wholes = list(zip(column(rows, "datname"), roots, strict=True))
    sizes: dict[tuple[str, int], int] = defaultdict(int)
    for whole, size in zip(wholes, column(rows, "size_bytes"), strict=True):
        sizes[whole] += size
    pairs = zip(own, wholes, strict=True)
    return {index for index, whole in pairs if sizes[whole] >= limits.min_bytes}


def is_only_for_reading(index: UserIndex) -> bool:
    """Return True if it enforces and marks nothing, is valid, and belongs to a user's table."""
    enforces = index.is_unique or index.is_primary or index.is_exclusion or index.backs_constraint
    marks = index.is_replica_identity or index.is_clustered
    return index.is_valid and index.is_ready and not (enforces or marks or index.is_of_extension)


def unused_on_all(everywhere: Sequence[Sequence[Rest]], window: timedelta) -> float | None:
    """Return the seconds without a scan on any server; None if it was used within the window."""
    rests = [rest for there in everywhere for rest in there]
    if any(rest.after_use and rest.seconds < window.total_seconds() for rest in rests):
        return None
    age = max((rest.seconds for rest in rests), default=0.0)
    return min(unused_seconds([rest.of_age(age) for rest in there]) for there in everywhere)


def writes_of(candidate: Candidate, growths: Growths, read_at: float, window: timedelta) -> Writes:
    """Return the rows written to its table, as watched, or else since its statistics began."""
    watched, counted = Writes(0, 0), Writes(0, 0)
    for part in candidate.parts:
        age = read_at - part.stats_reset if part.stats_reset else 0.0
        counted = Writes(counted.rows + part.table_writes, max(counted.seconds, age))
        if grown := growths.of(identity_of(part), part.table_writes, part.stats_reset):
            watched = Writes(watched.rows + grown.increase, max(watched.seconds, grown.seconds))
    return watched if watched.seconds >= window.total_seconds() else counted


def unknown_to(heard: Sequence[Witness], everywhere: Sequence[Sequence[Rest]]) -> str | None:
    """Return why the use on a server is unknown: its database may not be watched there."""
    pairs = zip(heard, everywhere, strict=True)
    silent = [witness.server for witness, rests in pairs if not rests]
    return f"its use on {', '.join(silent)} is unknown" if silent else None


def serves_foreign_key(
    candidate: Candidate, parent_deletes: Mapping[Key, UnchangedFor], unused: float
) -> bool:
    """Return True if deletes of parent rows may need it: there were none, or they used it."""
    for part in candidate.parts:
        seen = parent_deletes.get(identity_of(part))
        # It was deleted from the parent well after the last scan, which so was for something else.
        proven = seen is not None and seen.moved and SETTLED <= seen.seconds <= unused - SETTLED
        if part.supports_fk and not proven:
            return True
    return False


def learning(candidate: Candidate, limits: Limits, since: float) -> Unjudged:
    return Unjudged(
        f"not watched for {duration_text(limits.window)} yet",
        candidate.database,
        candidate.name,
        until=since + limits.window.total_seconds(),
    )


def evidence(
    candidate: Candidate, seconds: float, writes: Writes, servers: int, limits: Limits
) -> Evidence:
    size = candidate.size_bytes
    where = f" on any of {servers} servers" if servers > 1 else ""
    return Evidence(
        subject=candidate.name,
        severity=Severity.warning if size >= limits.warn_bytes else Severity.info,
        value=size,
        message=(
            f"No query has used {candidate.name} on {candidate.table}{where}"
            f" for {duration_text(seconds)}; it takes {bytes_text(size)},"
            f" and {writes.rows:,.0f} rows were written to its table within"
            f" {duration_text(writes.seconds)}. Certainty: {certainty(seconds)}."
        ),
        facts={
            "table": candidate.table,
            "size_bytes": size,
            "unused_seconds": seconds,
            "servers": servers,
            "table_writes": writes.rows,
            "table_writes_seconds": writes.seconds,
            "parts": len(candidate.parts),
            "maintenance_blocks": maintenance_blocks(candidate),
            "certainty": certainty(seconds),
        },
        cure=cure(candidate),
        check=check(candidate),
        object=candidate.name,
        database=candidate.database,
    )


def maintenance_blocks(candidate: Candidate) -> int | None:
    """Return the blocks that only writes and vacuum touched; None if scans did so too."""
    if any(part.idx_scan for part in candidate.parts):
        return None
    return sum((part.idx_blks_read or 0) + (part.idx_blks_hit or 0) for part in candidate.parts)


def certainty(seconds: float) -> str:
    """Return the confidence, by the rule of three: after n days without use, the probability of a
    use on a given day is below 3/n."""
    if seconds < MONTH_END.total_seconds():
        return "low: the window includes no end of a month"
    return (
        "very high"
        if seconds >= QUARTER.total_seconds()
        else "high: the window includes the end of a month"
    )


def cure(candidate: Candidate) -> tuple[str, ...]:
    advice = [place(candidate.database)]
    if any(part.has_expression for part in candidate.parts):
        advice.append(remark("The planner may still use the statistics of its expression."))
    return (*advice, *drop(candidate))


def drop(candidate: Candidate) -> tuple[str, ...]:
    if not candidate.is_partitioned:
        return dropped(*candidate.path)
    return (
        *kept(*candidate.path),
        remark(
            "A partitioned index can't be dropped CONCURRENTLY: this locks every partition, or"
            " gives up after 2 s."
        ),
        *plain_ddl(f"DROP INDEX {candidate.name};"),
    )


def check(candidate: Candidate) -> str:
    index = regclass(*candidate.path)
    parts = f"ANY (SELECT relid FROM pg_catalog.pg_partition_tree({index}))"
    which = equals("indexrelid", parts if candidate.is_partitioned else index)
    return (
        "SELECT indexrelid::pg_catalog.regclass, idx_scan,"
        " pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(indexrelid))"
        f" FROM pg_catalog.pg_stat_user_indexes WHERE {which};"
    )


finding = Finding(
    title="Unused index",
    severities=(Severity.info, Severity.warning),
    reads=(user_indexes, replication),
    consults=(replication_slots, wal_receiver),
    history=(SCANS, PARENT_DELETES, WRITES, NODES),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.cluster,
    on=Role.primary,
    alerted_by=AlertedBy.database,
)
