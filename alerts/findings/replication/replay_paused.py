"""Replay is paused: the standby's data get older, and its WAL fills the disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.history.unchanged import Unchanged
from alerts.limits import BaseLimits
from alerts.replication import cures
from alerts.replication.lag import lag_of_standby
from alerts.replication.timeline import TIMELINE
from alerts.replication.wording import also, lag_facts, link_facts
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Role
from collectors.settings import settings
from collectors.wal_position import wal_position
from collectors.wal_receiver import NOT_PAUSED, wal_receiver

RUNNING = Unchanged(wal_receiver, "running_seconds")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    paused: Duration = timedelta(minutes=15)
    """Time from which a pause is a warning: a dump or a look at old data is done by then."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    link = snapshot.row(wal_receiver)
    if link.pause_state == NOT_PAUSED:
        return
    ran = snapshot.of(RUNNING).get(())
    seconds = ran.seconds if ran else None
    lag = lag_of_standby(snapshot)
    is_long = seconds is None or seconds >= limits.paused.total_seconds()
    since = (
        "since before pgvigil watches it" if seconds is None else f"for {duration_text(seconds)}"
    )
    server = snapshot.node.server
    yield Evidence(
        subject=server,
        severity=Severity.warning if is_long else Severity.info,
        value=seconds or 0.0,
        message=f"Replay has been {link.pause_state} on {server} {since}{also(lag)}.",
        facts={
            "state": link.pause_state,
            "paused_seconds": seconds,
            **lag_facts(lag),
            **link_facts(link),
        },
        cure=cures.resume(snapshot),
        check=(
            "SELECT pg_catalog.pg_get_wal_replay_pause_state(),"
            " pg_catalog.pg_last_xact_replay_timestamp();"
        ),
    )


finding = Finding(
    title="Replay paused",
    severities=(Severity.info, Severity.warning),
    reads=(wal_receiver, wal_position),
    consults=(settings,),
    history=(TIMELINE, RUNNING),
    limits=Limits(),
    judge=judge,
    on=Role.standby,
    unit="seconds",
    because=("replica_config_lower",),
)
