"""A subscription was disabled by its own error, and stays so until it is enabled by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.wal.subscriptions import check, kept_there
from collectors._base import Role
from collectors.subscriptions import Subscription, subscriptions


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it is disabled or not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(subscriptions):
        if row.disable_on_error and not row.enabled:
            yield evidence(row)


def evidence(row: Subscription) -> Evidence:
    errors = (row.apply_errors or 0) + (row.sync_errors or 0)
    why = (
        f"after {plural(errors, 'error')}"
        if errors
        else "by hand or by an error of before the statistics began"
    )
    name = identifier(row.subname)
    return Evidence(
        subject=row.subname,
        severity=Severity.critical if errors else Severity.warning,
        value=errors,
        message=(
            f"The subscription {row.subname} in {row.datname}, which has disable_on_error, is"
            f" disabled {why}: nothing is applied, and {kept_there(row)}."
        ),
        facts={
            "apply_errors": row.apply_errors,
            "sync_errors": row.sync_errors,
            "slot": row.slot_name,
        },
        cure=(
            remark("1. This server's log has the error, the table and the key."),
            remark("2. Repair the row or the table here, so that the change fits; see the runbook"),
            remark("   of logical_apply_errors."),
            remark(f"3. Then enable it; else it fails again: ALTER SUBSCRIPTION {name} ENABLE;"),
        ),
        check=check(row),
        key=row.name,
        database=row.datname,
    )


finding = Finding(
    title="Subscription disabled by an error",
    severities=(Severity.warning, Severity.critical),
    reads=(subscriptions,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    unit="errors",
    alerted_by=AlertedBy.subject,
)
