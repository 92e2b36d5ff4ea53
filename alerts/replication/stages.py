"""Stages of WAL on its way to a standby, and what waits at each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from alerts.replication.leftovers import without_leftovers
from alerts.replication.link import upstream_of
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.activity import activity
from collectors.replication import Receiver, replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver


class Stage(StrEnum):
    """Stage in which WAL waits."""

    send = "send"
    """Upstream has not sent it."""
    receive = "receive"
    """It was sent and has not arrived."""
    flush = "flush"
    """It has arrived and is not on the standby's disk."""
    replay = "replay"
    """It is on the standby's disk and was not replayed."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Bytes that wait at each stage, as far as they can be told apart."""

    stages: Mapping[Stage, int]
    upstream: str | None = None
    """The upstream, where it is a standby that itself lacks most of this WAL."""
    wait: str | None = None
    """What the process of that stage waits for: a walsender, or the startup process."""

    @property
    def slowest(self) -> Stage | None:
        """The stage with most of the bytes."""
        stages = self.stages
        return max(stages, key=lambda stage: stages[stage]) if any(stages.values()) else None


def backlog_of_receiver(receiver: Receiver) -> Backlog:
    """Tell where the WAL of a receiver waits, as its upstream sees it."""
    return Backlog(
        _between(
            receiver.current_lsn,
            receiver.sent_lsn,
            receiver.write_lsn,
            receiver.flush_lsn,
            receiver.replay_lsn,
        )
    )


def backlog_of_standby(snapshot: Snapshot) -> Backlog:
    """Tell where the WAL of a standby waits, with what its upstream knows, if that is watched."""
    link, primary = snapshot.row(wal_receiver), upstream_of(snapshot)
    arrived = _most(link.written_lsn, link.flushed_lsn, link.replay_lsn)
    flushed = _most(link.flushed_lsn, link.replay_lsn)
    newest = primary.row(wal_position).lsn if primary else None
    newest = _most(newest, link.latest_end_lsn, arrived)
    sender = sender_of(snapshot, link)
    sent = arrived
    if sender:
        sent = _most(arrived, sender[1].sent_lsn)
    elif primary is None:
        sent = newest  # what its upstream told of was sent or is about to be
    stages = _between(newest, sent, arrived, flushed, link.replay_lsn)
    backlog = Backlog(stages, _late_upstream(sender, newest, link.replay_lsn))
    return Backlog(stages, backlog.upstream, _wait(snapshot, sender, backlog.slowest))


def sender_of(snapshot: Snapshot, link: WalReceiver) -> tuple[Snapshot, Receiver] | None:
    """Return the watched upstream and its walsender, if there is exactly one that fits."""
    if link.pid is None:
        return None
    found = [
        (peer, row)
        for peer in snapshot.peers
        if peer.has(replication)
        for row in without_leftovers(peer.rows(replication))
        if row.replay_lsn is not None
        and (row.application_name, row.slot_name) == (link.application_name, link.slot_name)
    ]
    return found[0] if len(found) == 1 else None


def _late_upstream(
    sender: tuple[Snapshot, Receiver] | None, newest: int | None, replayed: int | None
) -> str | None:
    """Return the upstream of a cascade if it lacks most of what the standby lacks."""
    if sender is None or sender[0].node.role is not Role.standby or None in (newest, replayed):
        return None
    has = sender[1].current_lsn
    missing = (newest or 0) - (replayed or 0)
    late = has is not None and 2 * ((newest or 0) - has) > missing
    return sender[0].node.server if late else None


def _wait(
    snapshot: Snapshot, sender: tuple[Snapshot, Receiver] | None, stage: Stage | None
) -> str | None:
    if stage is Stage.replay and snapshot.has(activity):
        return next(
            (s.wait_event for s in snapshot.rows(activity) if s.backend_type == "startup"), None
        )
    if stage in (Stage.send, Stage.receive) and sender and sender[0].has(activity):
        pid = sender[1].pid
        return next((s.wait_event for s in sender[0].rows(activity) if s.pid == pid), None)
    return None


def _between(*positions: int | None) -> Mapping[Stage, int]:
    """Return the bytes between each position and the next; without the unknown ones."""
    stages = {}
    for stage, (ahead, behind) in zip(Stage, pairwise(positions), strict=True):
        if ahead is not None and behind is not None:
            stages[stage] = max(0, ahead - behind)
    return stages


def _most(*positions: int | None) -> int | None:
    return max((known for known in positions if known is not None), default=None)
