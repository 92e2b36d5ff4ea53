"""A subscription is enabled, but nothing is received for it: its tables become stale."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from alerts.wal.server_settings import number_of
from alerts.wal.subscriptions import check, kept_there
from collectors._base import Role
from collectors.settings import settings
from collectors.subscriptions import Subscription, subscriptions

HOLD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    silent: Duration = timedelta(minutes=5)
    """Time without any message, though a worker runs; a publisher sends one every half minute."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    timeout = timeout_of(snapshot)
    for row in snapshot.rows(subscriptions):
        if row.enabled and (what := _fault(row, timeout, limits)):
            yield evidence(snapshot, row, what)


def timeout_of(snapshot: Snapshot) -> float:
    """Return wal_receiver_timeout: an idle publisher is asked for a message each half of it."""
    known = number_of(snapshot, "wal_receiver_timeout") if snapshot.has(settings) else None
    return 60.0 if known is None else known


def _fault(row: Subscription, timeout: float, limits: Limits) -> str | None:
    silent = row.silent_seconds or 0.0
    if row.pid is None:
        return "has no worker"
    if row.received_lsn is None and 0 < timeout <= 2 * HOLD.total_seconds():
        return "its worker has no connection"  # it tries for minutes, or again and again
    if timeout and silent >= max(limits.silent.total_seconds(), 2 * timeout):
        return f"heard nothing for {duration_text(silent)}"
    return None


def evidence(snapshot: Snapshot, row: Subscription, what: str) -> Evidence:
    return Evidence(
        subject=row.subname,
        severity=Severity.critical,
        value=row.silent_seconds or 0.0,
        message=(
            f"The subscription {row.subname} in {row.datname} is enabled but {what}: its tables"
            f" become stale, and {kept_there(row)}."
        ),
        facts={
            "pid": row.pid,
            "silent_seconds": row.silent_seconds,
            "sync_workers": row.sync_workers,
            "slot": row.slot_name,
            "apply_errors": row.apply_errors,
            "sync_errors": row.sync_errors,
        },
        cure=(
            remark(
                "1. This server's log says why the worker ends: 'could not connect', 'slot does"
            ),
            remark("   not exist', or an error of the data (then see logical_apply_errors)."),
            remark(
                "2. Publisher unreachable: address, password, pg_hba.conf, max_wal_senders there."
            ),
            remark("3. 'out of background worker slots' or no line at all: more workers here:"),
            *change(snapshot, "max_logical_replication_workers", "…"),
            *change(snapshot, "max_worker_processes", "…"),
            remark("4. The slot is gone or lost there: see slot_lost on the publisher."),
            remark("Don't drop the subscription: it would have to copy all tables again."),
        ),
        check=check(row),
        key=row.name,
        database=row.datname,
        culprit=row.name,
    )


finding = Finding(
    title="Logical subscription down",
    severities=(Severity.critical,),
    reads=(subscriptions,),
    consults=(settings,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    on=Role.primary,
    unit="seconds",
    alerted_by=AlertedBy.subject,
    hold=HOLD,
    because=("logical_apply_errors",),
)
