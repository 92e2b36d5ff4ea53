"""A subscription fails at the same change again and again: nothing after it is applied."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, identifier, literal, remark
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from alerts.wal.subscriptions import kept_there
from collectors._base import Role
from collectors.subscriptions import CONFLICTS, Subscription, subscriptions

WINDOW = timedelta(minutes=10)
ERRORS = Window(subscriptions, WINDOW, ("apply_errors", "sync_errors"))


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    errors: int = 3
    """Errors within ten minutes; a deadlock or a restart makes one, and the next try succeeds."""
    recent: Annotated[Duration, FIXED] = timedelta(minutes=1)
    """Time within which the last of them was; a failing worker tries again every five seconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(subscriptions)
    counted, recent = snapshot.of(ERRORS).delta(WINDOW), snapshot.of(ERRORS).delta(limits.recent)
    for row in rows:
        key = subscriptions.key_of(row)
        if row.apply_errors is None:
            reason = "errors of subscriptions are counted since PostgreSQL 15"
            yield Unjudged(reason, database=row.datname, subject=row.subname)
        elif key in counted:
            grown = sum(counted[key].increase.values())
            if grown >= limits.errors and any(recent[key].increase.values()):
                copying = counted[key].increase["sync_errors"] > 0
                yield evidence(row, grown, counted[key].seconds, copying)


def evidence(row: Subscription, errors: float, seconds: float, copying: bool) -> Evidence:
    where = "the initial copy of a table" if copying else "a change"
    conflicts = {name: getattr(row, name) for name in CONFLICTS if getattr(row, name)}
    kinds = f" Conflicts so far: {', '.join(conflicts)}." if conflicts else ""
    return Evidence(
        subject=row.subname,
        severity=Severity.critical,
        value=errors,
        message=(
            f"The subscription {row.subname} in {row.datname} failed at {where}"
            f" {plural(round(errors), 'time')} in {duration_text(round(seconds))}, and tries the"
            f" same again: nothing after it is applied, and {kept_there(row)}.{kinds}"
        ),
        facts={
            "errors": errors,
            "within_seconds": seconds,
            "apply_errors": row.apply_errors,
            "sync_errors": row.sync_errors,
            **{f"conflicts_{name}": count for name, count in conflicts.items()},
        },
        cure=_copy_steps() if copying else _apply_steps(row),
        check=(
            "SELECT subname, apply_error_count, sync_error_count FROM"
            " pg_catalog.pg_stat_subscription_stats"
            f" WHERE {equals('subname', literal(row.subname))};"
        ),
        key=row.name,
        database=row.datname,
        culprit=row.name,
    )


def _apply_steps(row: Subscription) -> tuple[str, ...]:
    name = identifier(row.subname)
    return (
        remark(
            "1. This server's log has the error, the table, the key, and 'finished at' with the"
        ),
        remark("   position of the transaction that fails."),
        remark(
            "2. Make room for the change here: correct or delete the row that conflicts with it"
        ),
        remark("   (a duplicate key), insert the missing one, or add the missing column or right."),
        remark("3. The worker tries again within seconds, and goes on."),
        remark("4. Find out who writes here: a table that is subscribed should have one writer."),
        remark("Last of all, skip it. That loses the WHOLE transaction here, with its changes of"),
        remark("all other rows and tables, and later changes may fail because of it. With the"),
        remark(f"position from the log: ALTER SUBSCRIPTION {name} SKIP (lsn = '…');"),
        remark("Then compare the tables with the publisher's."),
    )


def _copy_steps() -> tuple[str, ...]:
    return (
        remark("1. This server's log has the error and the table."),
        remark("2. Rows that are here already: empty the table, if nothing else is in it that is"),
        remark("   needed. A column, type or right that is missing: add it."),
        remark("3. The copy starts again within seconds."),
    )


finding = Finding(
    title="Subscription fails to apply",
    severities=(Severity.critical,),
    reads=(subscriptions,),
    history=(ERRORS,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    unit="errors",
    alerted_by=AlertedBy.subject,
)
