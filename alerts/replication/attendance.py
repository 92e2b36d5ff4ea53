"""Attendance of standbys: for how long each was connected to the primary, and since when not.

It belongs to the cluster: after a failover the new primary still knows whom to expect.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from alerts.history.kind import History
from alerts.history.memory import Json, Memory, Namespace
from alerts.replication.nodes import is_standby
from collectors._base import AnyAnswer, AnyCollector
from collectors.replication import Receiver, replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver

INTERRUPTED = 300.0
"""Seconds between two answers from which nothing is known of the time in between."""


class Attended(NamedTuple):
    """Entry of one standby in memory, as the JSON list that a tuple becomes."""

    last: float
    """Unix seconds of the last answer that had it."""
    stayed: float
    """Seconds for which it was connected, in all."""
    slot: str | None

    @classmethod
    def unpack(cls, stored: Json) -> "Attended | None":
        match stored:
            case Attended():
                return stored
            case [int() | float() as last, int() | float() as stayed, str() | None as slot]:
                return cls(last, stayed, slot)
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Attendance:
    """The standbys that were seen, by name."""

    room: Mapping[str, Json]
    newest: float | None
    """Unix seconds of the newest answer of this server; None before the first."""
    own_name: Json
    """The name that this server had while it was a standby itself."""

    def absent(self) -> dict[str, Attended]:
        """Return those that are not connected now."""
        known = ((name, Attended.unpack(stored)) for name, stored in self.room.items())
        return {
            name: seen
            for name, seen in known
            if seen
            and name != self.own_name
            and self.newest is not None
            and seen.last < self.newest
        }


@dataclass(frozen=True, slots=True)
class StandbyAttendance(History[Attendance]):
    """The standbys of a cluster's primary; forgotten when they were away for the span."""

    span: timedelta

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return replication, wal_position, wal_receiver

    def recorder(self, memory: Memory, namespace: Namespace) -> "AttendanceRecorder":
        return AttendanceRecorder(self.span.total_seconds(), memory, namespace)


class AttendanceRecorder:
    """Keeps in memory, in one place for the cluster, who is connected to its primary."""

    def __init__(self, span: float, memory: Memory, place: Namespace) -> None:
        self.span, self.memory = span, memory
        shared = place._replace(server="") if place.cluster else place
        self.place, self.names = shared.of("standby_attendance"), shared.of("standby_names")
        self.server = place.server
        self.in_recovery: bool | None = None
        self.newest: float | None = None

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is replication:
            if self.in_recovery is False:
                self._attend(answer)
        elif answer.rows and collector is wal_position:
            self.in_recovery = answer.rows[0].in_recovery
        elif answer.rows and (name := answer.rows[0].application_name):
            self.memory.put(self.names, self.server, name)

    def _attend(self, answer: AnyAnswer) -> None:
        room, changes = self.memory.room(self.place), dict[str, Json]()
        for name, stored in room.items():
            seen = Attended.unpack(stored)
            if seen is None or answer.at - seen.last > self.span:
                changes[name] = None
        there = list(filter(is_standby, answer.rows))
        present = {receiver.name for receiver in there}
        for receiver in there:
            known = Attended.unpack(room.get(receiver.name))
            if (former := _former_name(receiver, room, present)) is not None:
                changes[former] = None
                known = _together(known, Attended.unpack(room[former]))
            changes[receiver.name] = attended(known, receiver, answer.at)
        self.memory.update(self.place, changes)
        self.newest = answer.at

    def restart(self) -> None:
        """Nothing begins anew: a standby is expected back after a restart of its primary."""
        self.in_recovery = self.newest = None

    def view(self, at: float) -> Attendance:
        own_name = self.memory.get(self.names, self.server)
        return Attendance(self.memory.room(self.place), self.newest, own_name)


def _former_name(
    receiver: Receiver, room: Mapping[str, Json], present: Collection[str]
) -> str | None:
    """Return the name that a standby had before it got another one, such as a cluster_name.

    A slot is that of one standby. Without one, it was called by its address at first.
    """
    if receiver.slot_name is None:
        is_new = receiver.name not in room
        address = receiver.client_addr
        return address if is_new and address in room and address not in present else None
    away = ((name, Attended.unpack(room[name])) for name in room if name not in present)
    return next((name for name, seen in away if seen and seen.slot == receiver.slot_name), None)


def _together(known: Attended | None, former: Attended | None) -> Attended | None:
    """Return one entry for both names."""
    if known is None or former is None:
        return known or former
    newest = max(known, former, key=lambda one: one.last)
    return newest._replace(stayed=known.stayed + former.stayed)


def attended(known: Attended | None, receiver: Receiver, at: float) -> Attended:
    if known is None:
        return Attended(at, 0.0, receiver.slot_name)
    passed = at - known.last
    stayed = known.stayed + (passed if 0 < passed <= INTERRUPTED else 0.0)
    return Attended(at, stayed, receiver.slot_name)
