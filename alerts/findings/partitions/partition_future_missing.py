"""A table in use is about to run out of partitions: then inserts fail, or fill DEFAULT."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import plain_ddl, remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.partitions.activity import PARTITION_ACTIVITY
from alerts.partitions.bound import moment, written
from alerts.partitions.creation import creation, is_simple
from alerts.partitions.successors import successors
from alerts.partitions.tree import Partitioned, has_rows, name_of, partitioned_tables
from alerts.partitions.wall import Learning, PartitionWall, wall_of
from alerts.partitions.wording import partitions_of
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.partitions import partitions
from collectors.sequences import sequences
from collectors.settings import settings
from collectors.user_tables import user_tables

PART_OF_STEP = 6
"""A wide step must be made this part of it before, at least."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    left: Annotated[Duration, Slack(1.1)] = timedelta(days=3)
    """Time until the last partition ends, or less: one step of narrower partitions; a sixth of a
    step of wider ones, such as five days of a month."""
    left_critical: Annotated[Duration, Slack(1.1)] = timedelta(days=1)
    """Time from which it is critical, or less: a quarter of a step of narrower partitions."""
    left_at_most: Annotated[Duration, Slack(1.1)] = timedelta(days=14)
    """Time before which it is never told, however wide the partitions are."""
    ended: Annotated[Duration, FIXED] = timedelta(days=7)
    """Time, and one step at most, after which an ended table was ended on purpose."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for table in partitioned_tables(snapshot):
        if not table.has_known_ranges or not (ranges := table.ranges()):
            continue
        try:
            found = wall_of(snapshot, table, ranges)
        except Learning:
            yield learning(snapshot, table)
            continue
        if found and (severity := severity_of(found, limits)):
            yield evidence(snapshot, found, severity)


def learning(snapshot: Snapshot, table: Partitioned) -> Unjudged:
    why = "the rate of inserts is not known yet"
    return Unjudged(why, table.table.datname, table.name, until=snapshot.at + 600)


def severity_of(wall: PartitionWall, limits: Limits) -> Severity | None:
    soon, now = limits.left.total_seconds(), limits.left_critical.total_seconds()
    if step := wall.seconds_of_step:
        wide = min(step / PART_OF_STEP, limits.left_at_most.total_seconds())
        soon, now = max(min(soon, step), wide), min(now, step / 4)
    if wall.seconds >= soon or has_ended_on_purpose(wall, limits):
        return None
    has_default = wall.table.default is not None
    return Severity.critical if wall.seconds < now and not has_default else Severity.warning


def has_ended_on_purpose(wall: PartitionWall, limits: Limits) -> bool:
    """Whether it ended a while ago, and no row came since."""
    if wall.is_estimated:
        return False
    kept, step = limits.ended.total_seconds(), wall.seconds_of_step
    default = wall.table.default
    return -wall.seconds > min(kept, step or kept) and not (default and has_rows((default,)))


def evidence(snapshot: Snapshot, wall: PartitionWall, severity: Severity) -> Evidence:
    table = wall.table
    rate = wall.inserts_per_second
    return Evidence(
        subject=table.name,
        severity=severity,
        value=wall.seconds,
        message=message(wall),
        facts={
            "left_seconds": wall.seconds,
            "end": end_text(wall),
            "inserts_per_second": rate,
            "partitions": len(table.partitions),
            "default_partition": name_of(table.default) if table.default else None,
        },
        cure=cure(snapshot, wall),
        check=partitions_of(table.table),
        object=table.name,
        database=table.table.datname,
    )


def end_text(wall: PartitionWall) -> str:
    return written(wall.end, wall.table.table.key_type or "")


def message(wall: PartitionWall) -> str:
    table, end = wall.table, end_text(wall)
    if table.default is not None:
        then = f"rows go to the DEFAULT partition {name_of(table.default)}"
    else:
        then = "every insert fails"
    rate = wall.inserts_per_second
    pace = f" ({rate:,.1f} rows are inserted a second)" if rate else ""
    if wall.seconds < 0 and not wall.is_estimated:
        return f"{table.name} has no partition for {end} and later: {then}{pace}."
    about = "about " if wall.is_estimated else ""
    left = duration_text(max(0.0, wall.seconds))
    return (
        f"The partitions of {table.name} end at {end}, in {about}{left}{pace}; from then on {then}."
    )


def cure(snapshot: Snapshot, wall: PartitionWall) -> tuple[str, ...]:
    """Return the statements for the missing ranges; sentences where names or kinds are unclear."""
    table = wall.table
    if wall.seconds < 0 and table.default and has_rows((table.default,)):
        return (remark("Its rows are in DEFAULT already: see partition_default_filling."),)
    wanted = successors(wall, moment(snapshot.at)) if is_simple(table) else ()
    lines = [line for one in wanted for line in creation(table, one.name, one.range)]
    if not lines:
        return by_hand(table)
    return (
        remark("Reads and writes go on while these run; find out why your job did not run:"),
        *plain_ddl(lines[0]),
        *lines[1:],
    )


def by_hand(table: Partitioned) -> tuple[str, ...]:
    return (
        remark(
            f"Make the next partition as those of {table.name} are made: CREATE TABLE LIKE the"
            " parent, partitioned as its siblings are, then ATTACH PARTITION with lock_timeout."
            " Never CREATE TABLE PARTITION OF: it locks the parent against reads and writes."
        ),
    )


finding = Finding(
    title="No partition for new rows",
    severities=(Severity.warning, Severity.critical),
    reads=(partitions, user_tables),
    consults=(sequences, settings),
    limits=Limits(),
    judge=judge,
    unit="seconds",
    history=(PARTITION_ACTIVITY,),
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.subject,
)
