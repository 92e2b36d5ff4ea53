"""Tables of a subscription are not copied, and nothing works on them: they are incomplete."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, literal, remark
from alerts.history.unchanged import Unchanged
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.settings import settings
from collectors.subscription_tables import SubscriptionTable, subscription_tables
from collectors.subscriptions import subscriptions

STATES = Unchanged(subscription_tables, "state_code")
Tables = list[SubscriptionTable]


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    standing: Duration = timedelta(minutes=30)
    """Time without progress and without a worker; a failed copy starts again within seconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    enabled = {(s.datname, s.subname) for s in snapshot.rows(subscriptions) if s.enabled}
    waiting: dict[tuple[str, str], Tables] = defaultdict(list)
    for row in snapshot.rows(subscription_tables):
        waiting[row.datname, row.subname].append(row)
    for name, tables in waiting.items():
        # While a worker copies one of them, the others wait for their turn.
        if name not in enabled or any(table.pid for table in tables):
            continue
        standing = least_standing(snapshot, tables)
        if standing >= limits.standing.total_seconds():
            yield evidence(snapshot, tables, standing)
        else:
            until = snapshot.at + limits.standing.total_seconds() - standing
            reason = "tables wait to be copied"
            yield Unjudged(reason, database=name[0], subject=name[1], until=until)


def least_standing(snapshot: Snapshot, tables: Tables) -> float:
    """Return since when nothing has happened to any of them."""
    known = snapshot.of(STATES)
    times = (known.get(subscription_tables.key_of(table)) for table in tables)
    return min((one.seconds if one else 0.0 for one in times), default=0.0)


def evidence(snapshot: Snapshot, tables: Tables, standing: float) -> Evidence:
    first = tables[0]
    name = f"{first.schemaname}.{first.relname}"
    return Evidence(
        subject=first.subname,
        severity=Severity.warning,
        value=len(tables),
        message=(
            f"{plural(len(tables), 'table')} of the subscription {first.subname} in"
            f" {first.datname}, such as {name} ({first.phase}), have stood still for"
            f" {duration_text(standing)}: no worker copies them, so they are incomplete."
        ),
        facts={
            "tables": len(tables),
            "first_table": name,
            "first_state": first.phase,
            "standing_seconds": standing,
        },
        cure=(
            remark("1. This server's log says why a copy ends ('table synchronization worker')."),
            remark("2. No worker is started at all: more of them here:"),
            *change(snapshot, "max_logical_replication_workers", "…"),
            *change(snapshot, "max_sync_workers_per_subscription", "…"),
            remark("3. A table that is no longer published: forget it, in its database:"),
            remark(f"   ALTER SUBSCRIPTION {identifier(first.subname)} REFRESH PUBLICATION;"),
        ),
        check=(
            "SELECT r.srrelid::pg_catalog.regclass, r.srsubstate FROM"
            " pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON"
            f" {equals('s.oid', 'r.srsubid')} WHERE {equals('s.subname', literal(first.subname))}"
            " AND r.srsubstate OPERATOR(pg_catalog.<>) 'r';"
        ),
        key=f"{first.datname}: {first.subname}",
        database=first.datname,
        culprit=f"{first.datname}: {first.subname}",
    )


finding = Finding(
    title="Subscribed tables not synchronised",
    severities=(Severity.warning,),
    reads=(subscription_tables, subscriptions),
    consults=(settings,),
    history=(STATES,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    unit="tables",
    alerted_by=AlertedBy.subject,
    because=("logical_apply_errors", "logical_subscription_down"),
)
