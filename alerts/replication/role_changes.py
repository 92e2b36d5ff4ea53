"""Role changes: when a server was promoted or demoted, and which slots its cluster had before.

It belongs to the cluster, so that the new primary knows the slots of the old one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from alerts.snapshot import Snapshot
from collectors._base import AnyAnswer, AnyCollector
from collectors.replication_slots import replication_slots
from collectors.wal_position import wal_position

IN_USE = timedelta(hours=1)
"""Slots that the primary had within this time before a change are expected after it."""
KEPT = 86400.0
"""Seconds for which the slots of an old primary are remembered."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    at: float
    """Unix seconds of the first answer in the new role."""
    promoted: bool
    """Whether it has become a primary."""
    timeline: int | None
    """Of the new role, if it was known then."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The last change of a server, and the slots that were known to its cluster."""

    change: RoleChange | None
    slots: Mapping[str, Json]

    def slots_before(self) -> dict[str, str]:
        """Return name and type of the slots that the primary had before the change."""
        if self.change is None:
            return {}
        known = ((name, slot_of(stored)) for name, stored in self.slots.items())
        return {
            name: seen[1]
            for name, seen in known
            if seen and 0 < self.change.at - seen[0] <= IN_USE.total_seconds()
        }


def slot_of(stored: Json) -> tuple[float, str] | None:
    """Read when a slot was last on a primary, and its type, as memory holds them."""
    match stored:
        case [int() | float() as seen, str() as kind]:
            return seen, kind
        case _:
            return None


class RoleHistory(SingleHistory[Roles]):
    """The roles of a server over time, also while the daemon did not run."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return wal_position, replication_slots

    def recorder(self, memory: Memory, namespace: Namespace) -> "RoleRecorder":
        return RoleRecorder(memory, namespace)


class RoleRecorder:
    """Keeps the last role in memory, and when it changed."""

    def __init__(self, memory: Memory, place: Namespace) -> None:
        self.memory, self.place = memory, place.of("role")
        self.slots = (place._replace(server="") if place.cluster else place).of("primary_slots")
        self.in_recovery: bool | None = None

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is replication_slots:
            self._note_slots(answer)
        elif len(answer.rows) == 1:
            self._note_role(answer)

    def _note_role(self, answer: AnyAnswer) -> None:
        row = answer.rows[0]
        before = self.memory.get(self.place, "in_recovery")
        if isinstance(before, bool) and before is not row.in_recovery:
            change = [answer.at, not row.in_recovery, row.timeline]
            self.memory.put(self.place, "change", change)
        self.in_recovery = row.in_recovery
        self.memory.put(self.place, "in_recovery", row.in_recovery)

    def _note_slots(self, answer: AnyAnswer) -> None:
        if self.in_recovery is not False:
            return
        known = self.memory.room(self.slots)
        there = {row.slot_name: row for row in answer.rows if not row.temporary}
        seen: dict[str, Json] = {name: [answer.at, row.slot_type] for name, row in there.items()}
        change = self._change()
        since = change.at if change else 0.0
        for name, stored in known.items():
            slot = slot_of(stored)
            # What was lost with the old primary stays known; the others were dropped on purpose.
            if slot is None or (name not in there and not answer.at - KEPT < slot[0] <= since):
                seen.setdefault(name, None)
        self.memory.update(self.slots, seen)

    def _change(self) -> RoleChange | None:
        match self.memory.get(self.place, "change"):
            case [int() | float() as at, bool(promoted), int() | None as timeline]:
                return RoleChange(at, promoted, timeline)
            case _:
                return None

    def restart(self) -> None:
        """The role is asked anew; what it was before stays known."""
        self.in_recovery = None

    def view(self, at: float) -> Roles:
        return Roles(self._change(), self.memory.room(self.slots))


ROLES = RoleHistory()


def since_promotion(snapshot: Snapshot) -> float | None:
    """Return the seconds since the server was promoted; None if that was not seen."""
    if not snapshot.has(wal_position):
        return None
    change = snapshot.of(ROLES).change
    return snapshot.at - change.at if change and change.promoted else None
