"""A standby with lower settings than its primary pauses replay, and does not start again."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.replication.link import upstream_of
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.settings import settings
from collectors.wal_receiver import NOT_PAUSED, wal_receiver

AT_LEAST_AS_HIGH = (
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
)
"""Settings that PostgreSQL compares with those of the primary in recovery."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """It has no limits: PostgreSQL itself demands it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    primary = upstream_of(snapshot)
    if primary is None or not primary.has(settings):
        yield Unjudged("the settings of its primary are not known", setting="servers")
        return
    here, there = numbers(snapshot), numbers(primary)
    lower = [name for name in AT_LEAST_AS_HIGH if here.get(name, 0) < there.get(name, 0)]
    if lower and here:
        is_paused = snapshot.row(wal_receiver).pause_state != NOT_PAUSED
        yield evidence(snapshot, primary, lower, is_paused)


def numbers(snapshot: Snapshot) -> dict[str, int]:
    rows = snapshot.rows(settings)
    return {
        row.name: int(row.number)
        for row in rows
        if row.name in AT_LEAST_AS_HIGH and row.number is not None
    }


def evidence(snapshot: Snapshot, primary: Snapshot, lower: list[str], is_paused: bool) -> Evidence:
    here, there = numbers(snapshot), numbers(primary)
    server, above = snapshot.node.server, primary.node.server
    parts = ", ".join(f"{name} {here[name]} < {there[name]}" for name in lower)
    effect = (
        "replay is paused until it is restarted with higher values"
        if is_paused
        else "replay will pause, and the standby will not start again"
    )
    return Evidence(
        subject=server,
        severity=Severity.critical if is_paused else Severity.warning,
        value=len(lower),
        message=f"{server} has lower settings than {above} ({parts}): {effect}.",
        facts={
            "is_paused": is_paused,
            **{f"{name}_here": here[name] for name in lower},
            **{f"{name}_on_primary": there[name] for name in lower},
        },
        cure=(
            remark(f"On {server}; always on the standbys first, and on the primary last:"),
            *(line for name in lower for line in change(snapshot, name, str(there[name]))),
            remark("Don't resume replay before: the standby would shut down."),
        ),
        check=(
            "SELECT name, setting, pending_restart FROM pg_catalog.pg_settings WHERE name"
            f" OPERATOR(pg_catalog.=) ANY (ARRAY['{names(lower)}']);"
        ),
    )


def names(lower: list[str]) -> str:
    return "', '".join(lower)


finding = Finding(
    title="Settings lower than on the primary",
    severities=(Severity.warning, Severity.critical),
    reads=(settings, wal_receiver),
    limits=Limits(),
    judge=judge,
    on=Role.standby,
    unit="settings",
)
