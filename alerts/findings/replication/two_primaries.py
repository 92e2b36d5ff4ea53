"""Two servers of one cluster accept writes: their data diverge, and one side will be lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.replication.descent import DESCENT
from alerts.snapshot import Snapshot
from alerts.units import Duration
from collectors._base import Role
from collectors.wal_position import wal_position


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    fresh: Annotated[Duration, FIXED] = timedelta(seconds=15)
    """Age up to which an answer tells that a server is a primary now."""


def knows_others(snapshot: Snapshot) -> bool:
    """Whether there is another server of the cluster to compare with."""
    return bool(snapshot.peers)


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    fresh = limits.fresh.total_seconds()
    primaries = [s for s in (snapshot, *snapshot.peers) if is_primary(s, snapshot.at, fresh)]
    # Told once: by the newest of them, which was promoted last.
    if len(primaries) > 1 and snapshot is max(primaries, key=_age_order):
        others = [other for other in primaries if other is not snapshot]
        yield evidence(snapshot, others)


def is_primary(snapshot: Snapshot, now: float, fresh: float) -> bool:
    if not snapshot.has(wal_position):
        return False
    is_new = now - snapshot.answer(wal_position).at <= fresh
    return is_new and not snapshot.row(wal_position).in_recovery


def _age_order(snapshot: Snapshot) -> tuple[int, str]:
    return snapshot.row(wal_position).timeline or 0, snapshot.node.server


def evidence(snapshot: Snapshot, others: list[Snapshot]) -> Evidence:
    server = snapshot.node.server
    named = sorted(other.node.server for other in others)
    explicit = "/" in (snapshot.node.cluster or "")
    descent = snapshot.of(DESCENT)
    streamed = [name for name in (server, *named) if descent.has_streamed(name)]
    is_split = explicit or bool(streamed)
    facts: dict[str, float | int | str | bool | None] = {
        f"{one.node.server}_timeline": one.row(wal_position).timeline for one in (snapshot, *others)
    }
    return Evidence(
        subject=server,
        severity=Severity.critical if is_split else Severity.info,
        value=1 + len(others),
        message=_message(server, named, is_split),
        facts={
            "others": ", ".join(named),
            "same_cluster_setting": explicit,
            "were_standbys": ", ".join(streamed) or None,
            **facts,
        },
        cure=steps() if is_split else unrelated(),
        check=(
            "SELECT pg_catalog.pg_is_in_recovery(),"
            " pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn());"
        ),
    )


def _message(server: str, named: list[str], is_split: bool) -> str:
    if is_split:
        return f"{server} and {', '.join(named)} are primaries of the same cluster at once."
    return (
        f"{server} and {', '.join(named)} share a system identifier and are primaries:"
        " a clone or a restore, or two primaries of one cluster."
    )


def steps() -> tuple[str, ...]:
    return (
        remark("1. Write to neither until it is decided which one stays: stop the application, or"),
        remark("   close its way to both (pooler, service, virtual address)."),
        remark("2. Compare timelines and the newest rows: which one did the application write to?"),
        remark("3. Stop the other one: pg_ctl stop -m fast. Keep its data directory: what was"),
        remark("   written there after the promotion is nowhere else; copy it with pg_dump."),
        remark("4. Only then make it a standby: CHECKPOINT on the one that stays, then pg_rewind,"),
        remark("   or pg_basebackup. Both destroy its rows."),
        remark("5. Find out why it was not fenced: the cluster manager, or a promotion by hand."),
        remark("Don't restart both, and don't merge by replication: keys were given out twice."),
    )


def unrelated() -> tuple[str, ...]:
    return (
        remark(
            "If one of them is a clone or a restored copy: give the servers different values of"
        ),
        remark("the setting cluster of pgvigil, such as servers.NAME.cluster."),
    )


finding = Finding(
    title="Two primaries",
    severities=(Severity.info, Severity.critical),
    reads=(wal_position,),
    history=(DESCENT,),
    limits=Limits(),
    judge=judge,
    scope=Reach.cluster,
    on=Role.primary,
    applies=knows_others,
    unit="primaries",
    hold=timedelta(seconds=10),
)
