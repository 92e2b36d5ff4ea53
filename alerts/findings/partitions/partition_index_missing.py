"""An index of a partitioned table is incomplete, or its newest partition lacks what others have."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import concurrently, equals, identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.partitions.tree import Partitioned, name_of, partitioned_tables
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors._columns import column
from collectors.incomplete_indexes import IncompleteIndex, incomplete_indexes
from collectors.partitions import Partition, partitions
from collectors.user_indexes import user_indexes

LONGEST = 63
SHOWN = 3
"""Partitions for which statements are printed; the others follow in the same way."""
Owned = dict[tuple[str, int], set[int]]


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    siblings: int = 3
    """Partitions before the newest that all have the index; fewer may be chance."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    by_index = attrgetter("datname", "indexrelid")
    incomplete = sorted(snapshot.rows(incomplete_indexes), key=by_index)
    for _, group in groupby(incomplete, by_index):
        yield incomplete_evidence(list(group))
    yield from unlike_siblings(snapshot, limits)


def incomplete_evidence(rows: Sequence[IncompleteIndex]) -> Evidence:
    first = rows[0]
    table = identifier(first.schemaname, first.relname)
    index = identifier(first.schemaname, first.indexrelname)
    return Evidence(
        subject=index,
        severity=Severity.warning,
        value=len(rows),
        message=(
            f"The index {index} of {table} is invalid: {plural(len(rows), 'partition')} of it"
            f" {'lacks' if len(rows) == 1 else 'lack'} an index that is attached to it."
        ),
        facts={
            "table": table,
            "partitions": len(rows),
            "rows": sum(max(0.0, row.partition_rows) for row in rows),
        },
        cure=incomplete_cure(rows),
        check=(
            "SELECT relid::pg_catalog.regclass FROM pg_catalog.pg_partition_tree("
            f"{regclass(first.schemaname, first.indexrelname)});"
        ),
        key=f"{first.indexrelid}",
        object=index,
        database=first.datname,
    )


def incomplete_cure(rows: Sequence[IncompleteIndex]) -> tuple[str, ...]:
    first, lines = rows[0], list[str]()
    plain = [row for row in rows if is_plain(row)]
    if len(plain) < len(rows):
        return (
            remark(
                "For each partition that the check does not show: create the index CONCURRENTLY"
                " with the definition of the parent's index, then attach it to that one."
            ),
        )
    for row in plain[:SHOWN]:
        lines += attached(row)
    if len(plain) > SHOWN:
        lines.append(
            remark(f"Then the same for {len(plain) - SHOWN} more; the next look has them.")
        )
    return (remark(f"Build what is missing in {first.datname}, one after the other:"), *lines)


def is_plain(row: IncompleteIndex) -> bool:
    """Whether a statement can be printed: an index is there, or its definition is simple."""
    return bool(row.existing_index or (row.plain_columns and row.partition_relkind == "r"))


def attached(row: IncompleteIndex) -> Iterator[str]:
    name = row.existing_index or index_name(row)
    new = identifier(row.partition_schemaname, name)
    if not row.existing_index:
        yield from built(row, name, new)
    yield "SET lock_timeout = '2s';"
    parent = identifier(row.schemaname, row.indexrelname)
    yield f"ALTER INDEX {parent} ATTACH PARTITION {new};"


def built(row: IncompleteIndex, name: str, new: str) -> Iterator[str]:
    columns = ", ".join(identifier(one) for one in row.plain_columns or ())
    unique = "UNIQUE " if row.is_unique else ""
    table = identifier(row.partition_schemaname, row.partition_relname)
    yield from concurrently(
        f"CREATE {unique}INDEX CONCURRENTLY {identifier(name)} ON {table}"
        f" USING {identifier(row.amname)} ({columns});",
        f"DROP INDEX CONCURRENTLY {new}; then create it again.",
    )


def index_name(row: IncompleteIndex) -> str:
    """Return a name that no other index of the partition has."""
    end = f"_{row.indexrelid}_idx"
    kept = row.partition_relname.encode()[: LONGEST - len(end)].decode(errors="ignore")
    return kept + end


def unlike_siblings(snapshot: Snapshot, limits: Limits) -> Iterator[Evidence]:
    """Yield the newest partitions in use that lack an index which those before them have."""
    owned = definitions(snapshot)
    for table in partitioned_tables(snapshot):
        if not table.has_known_ranges:
            continue
        used = [one.partition for one in table.ranges() if is_used(one.partition)]
        newest, before = used[-1:], used[-1 - limits.siblings : -1]
        if len(before) < limits.siblings:
            continue
        sets = [owned.get((one.datname, one.relid), set()) for one in (*newest, *before)]
        lacking = set.intersection(*sets[1:]) - sets[0]
        if lacking:
            yield unlike_evidence(table, newest[0], len(lacking), len(before))


def is_used(one: Partition) -> bool:
    return one.relkind == "r" and (one.n_live_tup > 0 or one.reltuples > 0)


def definitions(snapshot: Snapshot) -> Owned:
    """Return the definitions of valid indexes by table."""
    rows, found = snapshot.rows(user_indexes), defaultdict[tuple[str, int], set[int]](set)
    names = ("datname", "relid", "definition", "is_valid")
    for datname, relid, definition, valid in zip(*(column(rows, n) for n in names), strict=True):
        if valid:
            found[datname, relid].add(definition)
    return found


def unlike_evidence(table: Partitioned, one: Partition, lacking: int, siblings: int) -> Evidence:
    own = name_of(one)
    return Evidence(
        subject=own,
        severity=Severity.warning,
        value=lacking,
        message=(
            f"{own}, the newest partition of {table.name} with rows, lacks"
            f" {plural(lacking, 'index', 'indexes')} that each of the {siblings} before it has."
        ),
        facts={"partitioned_table": table.name, "indexes": lacking},
        cure=(
            remark(
                "Create it on the partition CONCURRENTLY. So that coming partitions get it: CREATE"
                f" INDEX ON ONLY {table.name}, then ATTACH the index of each partition to it."
            ),
        ),
        check=(
            "SELECT indexrelid::pg_catalog.regclass, indisvalid FROM pg_catalog.pg_index"
            f" WHERE {equals('indrelid', regclass(one.schemaname, one.relname))};"
        ),
        object=own,
        database=one.datname,
    )


finding = Finding(
    title="Partition without an index",
    severities=(Severity.warning,),
    reads=(partitions, incomplete_indexes, user_indexes),
    limits=Limits(),
    judge=judge,
    unit="partitions",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
)
