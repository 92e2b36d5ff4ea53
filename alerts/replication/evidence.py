"""Evidence of a lagging standby: how far it is behind, at which stage, and what blocks it."""

from alerts._base import Evidence, Severity
from alerts.client_name import client_text
from alerts.cure import equals, since
from alerts.history.unchanged import UnchangedFor
from alerts.replication import cures
from alerts.replication.lag import Lag
from alerts.replication.replay_conflict import ReplayConflict
from alerts.replication.stages import Backlog, Stage, backlog_of_receiver
from alerts.replication.wording import Facts, distance, lag_facts, link_facts
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from collectors.replication import Receiver
from collectors.wal_receiver import NOT_PAUSED, WalReceiver

STANDS = 10.0
"""Seconds without any replay, while there is WAL, from which it is not said to go on."""
PLACES = {
    Stage.send: "upstream has not sent it",
    Stage.receive: "it was sent and has not arrived",
    Stage.flush: "it has arrived and is not flushed to disk",
    Stage.replay: "it has arrived and is not replayed",
}


def behind(
    snapshot: Snapshot,
    severity: Severity,
    lag: Lag,
    link: WalReceiver,
    conflict: ReplayConflict | None,
    backlog: Backlog,
) -> Evidence:
    server, stage = snapshot.node.server, backlog.slowest
    return Evidence(
        subject=server,
        severity=severity,
        value=lag.seconds,
        message=f"{server} is {distance(lag)}: {_why(link, conflict, backlog)}.",
        facts={
            "state": _state(link, conflict),
            **_staged(backlog),
            "conflict": conflict.wait_event if conflict else None,
            **lag_facts(lag),
            **link_facts(link),
        },
        cure=_cure(snapshot, link, conflict, stage, backlog),
        check=(
            "SELECT pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn(),"
            f" {since('pg_catalog.pg_last_xact_replay_timestamp()')} AS last_replayed;"
        ),
    )


def receiver_behind(
    name: str,
    severity: Severity,
    lag: Lag,
    receiver: Receiver,
    delay: float | None,
    replayed: UnchangedFor | None,
) -> Evidence:
    backlog = backlog_of_receiver(receiver)
    pace = _pace(lag, backlog, replayed, "" if delay is not None else ", is delayed on purpose")
    return Evidence(
        subject=name,
        severity=severity,
        value=lag.seconds,
        message=f"{name} is {distance(lag)} ({receiver.state}): {_where(backlog)}{pace}.",
        facts={
            "state": receiver.state,
            "client": client_text(receiver.client_addr),
            "slot": receiver.slot_name,
            "sync_state": receiver.sync_state,
            **_staged(backlog),
            "apply_delay_seconds": delay or 0.0,
            "replay_stands_seconds": replayed.seconds if replayed else None,
            **lag_facts(lag),
        },
        cure=cures.look_there(name, receiver),
        check=f"SELECT * FROM pg_catalog.pg_stat_replication WHERE {equals('pid', receiver.pid)};",
    )


def _pace(lag: Lag, backlog: Backlog, replayed: UnchangedFor | None, or_else: str) -> str:
    """Tell as much of the cause as is seen from upstream: whether it replays anything at all."""
    if replayed is None or backlog.slowest is not Stage.replay:
        return ""
    if replayed.seconds >= max(STANDS, lag.seconds / 2):
        return (
            f"; nothing was replayed for {duration_text(replayed.seconds)}, so replay is paused"
            f"{or_else} or waits for a query there; only a watch of that server tells which"
        )
    goes_on = replayed.moved and replayed.seconds < STANDS
    return "; replay goes on, but slower than WAL arrives" if goes_on else ""


def _state(link: WalReceiver, conflict: ReplayConflict | None) -> str:
    if link.pause_state != NOT_PAUSED:
        return link.pause_state
    if conflict:
        return "conflict"
    return "streaming" if link.pid else "disconnected"


def _why(link: WalReceiver, conflict: ReplayConflict | None, backlog: Backlog) -> str:
    if link.pause_state != NOT_PAUSED:
        return f"replay is {link.pause_state}"
    if conflict:
        return "queries delay replay"
    return _where(backlog)


def _where(backlog: Backlog) -> str:
    if backlog.upstream:
        return f"its upstream {backlog.upstream} lacks most of it too"
    if backlog.slowest is None:
        return "it is not known where the WAL waits"
    waits = f", its process waits for {backlog.wait}" if backlog.wait else ""
    return f"{PLACES[backlog.slowest]}{waits}"


def _staged(backlog: Backlog) -> Facts:
    return {
        "slow_stage": backlog.slowest,
        "stage_wait": backlog.wait,
        "late_upstream": backlog.upstream,
        **{f"{stage}_bytes": waiting for stage, waiting in backlog.stages.items()},
    }


def _cure(
    snapshot: Snapshot,
    link: WalReceiver,
    conflict: ReplayConflict | None,
    stage: Stage | None,
    backlog: Backlog,
) -> tuple[str, ...]:
    server = snapshot.node.server
    if link.pause_state != NOT_PAUSED:
        return cures.resume(snapshot)
    if conflict:
        return cures.clear(server, conflict)
    return cures.wait(server, stage, backlog.upstream)
