"""A standby with lower settings than its primary pauses replay, and does not start again."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.replication.link import upstream_of
from alerts.replication.readiness import is_paused, lower_settings
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.settings import settings
from collectors.wal_receiver import wal_receiver


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """No limits: PostgreSQL itself demands it."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    primary = upstream_of(snapshot)
    if primary is None or not primary.has(settings):
        yield Unjudged("the settings of its primary are not known", setting="servers")
        return
    if lower := lower_settings(snapshot, primary):
        yield evidence(snapshot, primary, lower, is_paused(snapshot))


def evidence(
    snapshot: Snapshot, primary: Snapshot, lower: dict[str, tuple[int, int]], has_stopped: bool
) -> Evidence:
    server, above = snapshot.node.server, primary.node.server
    parts = ", ".join(f"{name} {here} < {there}" for name, (here, there) in lower.items())
    effect = (
        "replay is paused until it is restarted with higher values"
        if has_stopped
        else "replay will pause, and the standby will not start again"
    )
    names = "', '".join(lower)
    return Evidence(
        subject=server,
        severity=Severity.critical if has_stopped else Severity.warning,
        value=len(lower),
        message=f"{server} has lower settings than {above} ({parts}): {effect}.",
        facts={
            "is_paused": has_stopped,
            **{f"{name}_here": here for name, (here, _) in lower.items()},
            **{f"{name}_on_primary": there for name, (_, there) in lower.items()},
        },
        cure=(
            remark(f"On {server}; always on the standbys first, and on the primary last:"),
            *(
                line
                for name, (_, there) in lower.items()
                for line in change(snapshot, name, str(there))
            ),
            remark("Don't resume replay before: the standby would shut down."),
        ),
        check=(
            "SELECT name, setting, pending_restart FROM pg_catalog.pg_settings WHERE name"
            f" OPERATOR(pg_catalog.=) ANY (ARRAY['{names}']);"
        ),
    )


finding = Finding(
    title="Settings lower than on the primary",
    severities=(Severity.warning, Severity.critical),
    reads=(settings, wal_receiver),
    limits=Limits(),
    judge=judge,
    on=Role.standby,
    unit="settings",
)
