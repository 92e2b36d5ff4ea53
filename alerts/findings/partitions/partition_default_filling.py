"""Rows gather in the DEFAULT partition of ranges; their own partition can't be attached then."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.partitions.activity import PARTITION_ACTIVITY
from alerts.partitions.bound import moment
from alerts.partitions.creation import condition, for_values, is_simple
from alerts.partitions.successors import Successor, successors
from alerts.partitions.tree import IN_RANGES, Partitioned, name_of, partitioned_tables
from alerts.partitions.wall import Learning, wall_of
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.partitions import Partition, partitions
from collectors.sequences import sequences
from collectors.settings import settings
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    rows: int = 1
    """Rows in the DEFAULT partition: each of them belongs to a range that has no partition."""
    move_rows: int = 100_000
    """Rows up to which one transaction may move them: it locks the DEFAULT partition."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for table in partitioned_tables(snapshot):
        default = table.default
        if table.table.strategy != IN_RANGES or default is None or len(table.partitions) < 2:
            continue  # of a list, DEFAULT is usually meant for all that is rare
        rows = rows_of(default)
        if rows >= limits.rows:
            yield evidence(snapshot, table, default, rows, limits)


def rows_of(one: Partition) -> int:
    """Return the rows by the counters, or where these were reset, of the last vacuum."""
    return one.n_live_tup if one.n_tup_ins or one.n_live_tup else max(0, int(one.reltuples))


def evidence(
    snapshot: Snapshot, table: Partitioned, default: Partition, rows: int, limits: Limits
) -> Evidence:
    own = name_of(default)
    return Evidence(
        subject=own,
        severity=Severity.warning,
        value=rows,
        message=(
            f"{own}, the DEFAULT partition of {table.name}, holds about {plural(rows, 'row')}:"
            " no partition was there for them, and none can be attached for their ranges until"
            " they are moved."
        ),
        facts={"rows": rows, "partitioned_table": table.name, "relpages": default.relpages},
        cure=cure(snapshot, table, default, rows <= limits.move_rows),
        check=check(table, default),
        object=own,
        database=default.datname,
    )


def check(table: Partitioned, default: Partition) -> str:
    column = table.table.key_column
    if column is None:
        return f"SELECT pg_catalog.count(*) FROM {name_of(default)};"
    key = identifier(column)
    return (
        f"SELECT pg_catalog.count(*), pg_catalog.min({key}), pg_catalog.max({key})"
        f" FROM {name_of(default)};"
    )


def cure(
    snapshot: Snapshot, table: Partitioned, default: Partition, are_few: bool
) -> tuple[str, ...]:
    """Return one transaction for each missing range up to now, or sentences."""
    wanted = missing(snapshot, table) if are_few and is_simple(table) else ()
    if not wanted or default.relkind != "r":
        return by_hand(table, default)
    lines = (line for one in wanted for line in moving(table, default, one))
    return (
        remark(
            "Each of these transactions locks the DEFAULT partition while its few rows move. If one"
            " fails, ROLLBACK, and try again when fewer sessions use it:"
        ),
        *lines,
        remark("Where its counters were lost, as in a failover, only this tells that it is empty:"),
        f"ANALYZE {name_of(default)};",
    )


def missing(snapshot: Snapshot, table: Partitioned) -> tuple[Successor, ...]:
    """Return the ranges between the end of the partitions and now, if that is where rows went."""
    if not table.has_known_ranges or not (ranges := table.ranges()):
        return ()
    try:
        wall = wall_of(snapshot, table, ranges)
    except Learning:
        return ()
    if wall is None or wall.is_estimated or wall.seconds > 0:
        return ()
    return tuple(successors(wall, moment(snapshot.at)))


def moving(table: Partitioned, default: Partition, one: Successor) -> Iterator[str]:
    parent, own = table.table, name_of(default)
    new = identifier(parent.schemaname, one.name)
    yield "BEGIN;"
    yield "SET LOCAL lock_timeout = '2s';"
    yield f"LOCK TABLE {own} IN SHARE ROW EXCLUSIVE MODE;"
    yield f"CREATE TABLE {new} (LIKE {table.name} INCLUDING ALL EXCLUDING IDENTITY);"
    yield f"ALTER TABLE {new} OWNER TO {identifier(parent.owner)};"
    yield (
        f"WITH moved AS (DELETE FROM {own} WHERE {condition(parent, one.range)} RETURNING *)"
        f" INSERT INTO {new} SELECT * FROM moved;"
    )
    yield f"ALTER TABLE {table.name} ATTACH PARTITION {new} {for_values(parent, one.range)};"
    yield "COMMIT;"


def by_hand(table: Partitioned, default: Partition) -> tuple[str, ...]:
    return (
        remark("1. Let the check tell which ranges the rows belong to."),
        remark(f"2. Create a table like {table.name} for one of these ranges; do not attach it."),
        remark(
            f"3. Move the rows of that range out of {name_of(default)} in batches with a commit"
            " each; until they are attached, queries do not see them, so begin with the oldest."
        ),
        remark(
            "4. Add a CHECK to the DEFAULT partition, NOT VALID, that excludes the range, and"
            " VALIDATE it; then ATTACH reads nothing while it holds its lock."
        ),
    )


finding = Finding(
    title="Rows in the DEFAULT partition",
    severities=(Severity.warning,),
    reads=(partitions, user_tables),
    consults=(sequences, settings),
    limits=Limits(),
    judge=judge,
    unit="rows",
    history=(PARTITION_ACTIVITY,),
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.subject,
)
