"""The nodes of a cluster: the watched servers, and the standbys that are known to them.

They are remembered, because a standby that is down now has not lost its queries.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alerts.history.keys import parsed_key
from alerts.history.kind import History
from alerts.history.last_seen import Presence
from alerts.history.memory import Json, Memory, Namespace
from alerts.replication.leftovers import without_leftovers
from alerts.replication.watched import PASSING
from collectors._base import AnyAnswer, AnyCollector
from collectors.replication import Receiver, replication
from collectors.replication_slots import Slot, replication_slots
from collectors.wal_receiver import WalReceiver, wal_receiver

SETTLED = 600.0
"""Seconds after which a second receiver of the same name is no leftover of a lost connection."""
APART = 900.0
"""Seconds by which a standby and its upstream may be read at different times."""
NODES = ("server", "slot", "name")
Identity = tuple[Any, ...]
"""("slot", its name), or without a slot ("name", application name, number among its equals)."""


def identities(receivers: Iterable[Receiver]) -> Iterator[Identity]:
    """Return who these receivers are, without those that only pass or store WAL."""
    equals: Counter[str | None] = Counter()
    for receiver in without_leftovers(filter(is_standby, receivers)):
        if receiver.slot_name is not None:
            yield "slot", receiver.slot_name
        else:
            equals[receiver.application_name] += 1
            yield "name", receiver.application_name, equals[receiver.application_name]


def is_standby(receiver: Receiver) -> bool:
    """Whether it replays WAL, and so may answer queries."""
    passes = receiver.slot_type == "logical" or receiver.application_name in PASSING
    return receiver.replay_lsn is not None and not passes


@dataclass(frozen=True, slots=True)
class KnownNodes:
    """The nodes that were seen within the span, and which of them are watched servers."""

    room: Mapping[str, Json]
    span: float
    at: float

    def beyond(self, heard: frozenset[str], forgotten: Iterable[str] = ()) -> list[str]:
        """Return the names of nodes that are none of these servers, without the forgotten."""
        passed_over, presences = set(forgotten), dict(self._presences())
        found = set()
        for who, seen in presences.items():
            if who[0] not in NODES or who[1] in passed_over or self._is_leftover(who, seen):
                continue
            claims = (("claim", server, *who[:2]) for server in heard if server != who[1])
            times = (presences[claim].last for claim in claims if claim in presences)
            known = sum(last >= seen.last - APART for last in times) + (who[1] in heard)
            if known < (who[2] if who[0] == "name" else 1):
                found.add(str(who[1]))
        return sorted(found)

    def _presences(self) -> Iterator[tuple[Identity, Presence]]:
        for key, stored in self.room.items():
            who, seen = parsed_key(key), Presence.unpack(stored)
            if who and seen and self.at - seen.last <= self.span:
                yield who, seen

    def _is_leftover(self, who: Identity, seen: Presence) -> bool:
        """Whether it was only the end of a lost connection, beside the new one."""
        is_there = self.at - seen.last < SETTLED / 10
        return (
            who[0] == "name" and who[2] != 1 and not is_there and seen.last - seen.first < SETTLED
        )


@dataclass(frozen=True, slots=True)
class ClusterNodes(History[KnownNodes]):
    """Every node of a cluster that was seen within the span, by any of its watched servers."""

    span: timedelta

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return replication, replication_slots, wal_receiver

    def recorder(self, memory: Memory, namespace: Namespace) -> "NodesRecorder":
        return NodesRecorder(self.span.total_seconds(), memory, namespace)


class NodesRecorder:
    """Keeps in memory, in one place for the whole cluster, when each node was seen."""

    def __init__(self, span: float, memory: Memory, place: Namespace) -> None:
        self.span, self.memory, self.server = span, memory, place.server
        shared = place._replace(server="") if place.cluster else place
        self.place = shared.of("cluster_nodes")

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        seen, gone = self._read(collector, answer.rows)
        room, changes = self.memory.room(self.place), dict[str, Json]()
        for key, stored in room.items():
            presence = Presence.unpack(stored)
            if presence is None or answer.at - presence.last > self.span:
                changes[key] = None
        for key in map(json.dumps, seen):
            known = Presence.unpack(room.get(key))
            changes[key] = Presence(known.first if known else answer.at, answer.at)
        changes |= {key: None for key in map(json.dumps, gone) if key in room}
        self.memory.update(self.place, changes)

    def _read(
        self, collector: AnyCollector, rows: Iterable[Any]
    ) -> tuple[list[Identity], list[Identity]]:
        """Return what is there, and what is to be forgotten."""
        if collector is replication:
            return self._received(list(rows))
        if collector is replication_slots:
            return list(filter(self._is_no_archive, map(reserved, filter(reserves, rows)))), []
        return [("claim", self.server, *who) for who in map(itself, rows) if who], []

    def _received(self, receivers: list[Receiver]) -> tuple[list[Identity], list[Identity]]:
        """A slot belongs to a standby or to an archive, as its last receiver shows."""
        standbys = list(identities(receivers))
        archives = {r.slot_name for r in receivers if stores(r)}
        seen = [("server", self.server), *standbys, *(("archive", slot) for slot in archives)]
        gone: list[Identity] = [("slot", slot) for slot in archives]
        return seen, gone + [("archive", who[1]) for who in standbys if who[0] == "slot"]

    def _is_no_archive(self, slot: Identity) -> bool:
        return self.memory.get(self.place, json.dumps(("archive", slot[1]))) is None

    def restart(self) -> None:
        """Nothing begins anew: the nodes of a cluster survive a restart of one of them."""

    def view(self, at: float) -> KnownNodes:
        return KnownNodes(self.memory.room(self.place), self.span, at)


def stores(receiver: Receiver) -> bool:
    """Whether it stores WAL by a slot without replaying it, as pg_receivewal does."""
    passes = receiver.replay_lsn is not None or receiver.write_lsn is None
    return receiver.slot_type == "physical" and not passes


def reserves(slot: Slot) -> bool:
    """Whether a standby that is not connected seems to own it. A standby keeps copies of slots."""
    unused = slot.active or slot.temporary or slot.in_recovery
    return slot.slot_type == "physical" and not unused


def reserved(slot: Slot) -> Identity:
    return "slot", slot.slot_name


def itself(link: WalReceiver) -> Identity | None:
    """Return how a standby's upstream sees it; None while it is not connected."""
    if link.pid is None:
        return None
    if link.slot_name is not None:
        return "slot", link.slot_name
    return "name", link.application_name
