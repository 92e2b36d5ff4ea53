"""A table has thousands of partitions: planning and locking them costs more than they save."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import regclass, remark
from alerts.limits import BaseLimits, Slack
from alerts.partitions.tree import Partitioned, leaves_of, partitioned_tables
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.partitions import partitions
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    leaves: Annotated[int, Slack(0.95)] = 2_000
    """Partitions on all levels; the planner copes with a few thousand if most are pruned."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    leaves = leaves_of(snapshot)
    for table in partitioned_tables(snapshot):
        own = table.table
        count = len(leaves[own.datname, own.relid])
        if own.parent_relid is None and count >= limits.leaves:
            yield evidence(snapshot, table, count)


def evidence(snapshot: Snapshot, table: Partitioned, count: int) -> Evidence:
    slots = lock_slots(snapshot)
    room = f"; all sessions together have about {slots:,} such locks" if slots else ""
    own = regclass(table.table.schemaname, table.table.relname)
    return Evidence(
        subject=table.name,
        severity=Severity.info,
        value=count,
        message=(
            f"{table.name} has {count:,} partitions: a statement that is not pruned locks each of"
            f" them and its indexes{room}."
        ),
        facts={"partitions": count, "lock_slots": slots},
        cure=(
            remark(
                "Make the next partitions wider, such as a month for a day, and drop or detach"
                " those whose time is over. Old ones can be merged when there is time."
            ),
        ),
        check=f"SELECT pg_catalog.count(*) FROM pg_catalog.pg_partition_tree({own}) WHERE isleaf;",
        object=table.name,
        database=table.table.datname,
    )


def lock_slots(snapshot: Snapshot) -> int | None:
    """Return the size of the lock table; None if a setting of it is not known."""
    if not snapshot.has(settings):
        return None
    known = snapshot.answer(settings).by("name")
    names = ("max_locks_per_transaction", "max_connections", "max_prepared_transactions")
    each, *users = (known[n].number if n in known else None for n in names)
    if each is None or None in users:
        return None
    return int(each * sum(number or 0 for number in users))


finding = Finding(
    title="Very many partitions",
    severities=(Severity.info,),
    reads=(partitions,),
    consults=(settings,),
    limits=Limits(),
    judge=judge,
    unit="partitions",
    kind=FindingKind.review,
    scope=Reach.database,
    on=Role.primary,
)
