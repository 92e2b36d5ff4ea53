"""All partitions are scanned alike: statements do not name the key, so none is left out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, regclass, remark
from alerts.limits import BaseLimits
from alerts.partitions.activity import HOUR, PARTITION_ACTIVITY, Activity
from alerts.partitions.by_name import asked_by_name
from alerts.partitions.tree import Partitioned, leaves_of, name_of, partitioned_tables
from alerts.snapshot import Snapshot
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS
from alerts.units import Share, duration_text, share_text
from collectors.partitions import partitions
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    leaves: int = 8
    """Partitions from which it costs anything."""
    scans: int = 60
    """Scans of all partitions at once within an hour; an export or a build of indexes makes few.
    Lookups that are spread over the partitions evenly, as by a hash, are no such scans, and neither
    are those of statements that name a partition itself."""
    share: Share = 0.3
    """Those scans, as a share of the scans of the partition with the most."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known, leaves = snapshot.of(PARTITION_ACTIVITY), leaves_of(snapshot)
    for table in partitioned_tables(snapshot):
        own = table.table.datname, table.table.relid
        if table.table.parent_relid is not None or len(leaves[own]) < limits.leaves:
            continue
        activity = known.get(own)
        if activity is None:
            why = "scans have not been counted for an hour yet"
            yield Unjudged(why, own[0], table.name, until=snapshot.at + HOUR)
        elif is_ill(activity, limits):
            left = activity.scans_of_all - asked_by_name(snapshot, leaves[own])
            unpruned = replace(activity, common_scans=max(0, left))
            if is_ill(unpruned, limits):
                yield evidence(table, unpruned)


def is_ill(activity: Activity, limits: Limits) -> bool:
    least = activity.scans_of_all
    enough = activity.leaves >= limits.leaves and least >= limits.scans
    return enough and least >= limits.share * activity.most_scans


def evidence(table: Partitioned, activity: Activity) -> Evidence:
    share = activity.scans_of_all / max(1, activity.most_scans)
    key = identifier(table.table.key_column) if table.table.key_column else "its key"
    return Evidence(
        subject=table.name,
        severity=Severity.warning,
        value=activity.scans_of_all,
        message=(
            f"All of the {activity.leaves:,} partitions of {table.name} were scanned alike, at"
            f" least {activity.scans_of_all:,} times within {duration_text(activity.seconds)},"
            f" {share_text(min(1.0, share))} of what the busiest had: statements without a"
            f" condition on {key} open and lock all of them."
        ),
        facts={
            "scans_of_all": activity.scans_of_all,
            "least_scans": activity.least_scans,
            "most_scans": activity.most_scans,
            "partitions": activity.leaves,
            "key_column": table.table.key_column,
            "observed_seconds": activity.seconds,
        },
        cure=(
            remark(
                f"Find the statements that read {table.name} without a condition on {key}"
                " (pg_stat_statements, EXPLAIN), and add one; a value that is compared must be"
                " of the key's type, and no function may stand around the key."
            ),
        ),
        check=check(table),
        object=name_of(table.table),
        database=table.table.datname,
    )


def check(table: Partitioned) -> str:
    root = regclass(table.table.schemaname, table.table.relname)
    return (
        "SELECT t.relid::pg_catalog.regclass, s.seq_scan, s.idx_scan"
        f" FROM pg_catalog.pg_partition_tree({root}) t"
        " JOIN pg_catalog.pg_stat_user_tables s"
        f" ON {equals('s.relid', 't.relid')} WHERE t.isleaf"
        " ORDER BY t.relid;"
    )


finding = Finding(
    title="Partitions not pruned",
    severities=(Severity.warning,),
    reads=(partitions, user_tables),
    limits=Limits(),
    judge=judge,
    unit="scans",
    consults=(stat_statements, statement_texts),
    history=(PARTITION_ACTIVITY, STATEMENTS, STATEMENT_TEXTS),
    kind=FindingKind.review,
    scope=Reach.database,
)
