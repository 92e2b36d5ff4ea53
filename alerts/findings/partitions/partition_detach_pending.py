"""DETACH CONCURRENTLY was interrupted: the partition is neither in the table nor out of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import plain_ddl, remark
from alerts.limits import BaseLimits
from alerts.partitions.tree import Partitioned, name_of, partitioned_tables
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.partitions import Partition, partitions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: a detach that runs for an hour waits for a transaction or was given up."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for table in partitioned_tables(snapshot):
        for one in table.partitions:
            if one.is_detaching:
                yield evidence(table, one)


def evidence(table: Partitioned, one: Partition) -> Evidence:
    own = name_of(one)
    return Evidence(
        subject=own,
        severity=Severity.warning,
        value=1,
        message=(
            f"{own} is half detached from {table.name}: queries of the table no longer see its"
            " rows, and no other partition can be detached concurrently until it is finished."
        ),
        facts={"partitioned_table": table.name, "rows": max(0, int(one.reltuples))},
        cure=(
            remark("If DETACH CONCURRENTLY still runs, let it run; it waits for old transactions."),
            *plain_ddl(f"ALTER TABLE {table.name} DETACH PARTITION {own} FINALIZE;"),
        ),
        check=(
            "SELECT inhrelid::pg_catalog.regclass, inhparent::pg_catalog.regclass"
            " FROM pg_catalog.pg_inherits WHERE inhdetachpending;"
        ),
        key=f"{one.relid}",
        object=own,
        database=one.datname,
        may_be_young=True,
    )


finding = Finding(
    title="Partition half detached",
    severities=(Severity.warning,),
    reads=(partitions,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.subject,
    hold=timedelta(hours=1),
)
