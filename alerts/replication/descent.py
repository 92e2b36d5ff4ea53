"""Descent: which servers of a cluster have streamed from another one of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver


@dataclass(frozen=True, slots=True)
class Descent:
    """Times when each server was last a standby that streams, in unix seconds."""

    room: Mapping[str, Json]

    def has_streamed(self, server: str) -> bool:
        return server in self.room


class StreamedBefore(SingleHistory[Descent]):
    """The servers of a cluster that were standbys with a connection to it."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return wal_position, wal_receiver

    def recorder(self, memory: Memory, namespace: Namespace) -> "DescentRecorder":
        return DescentRecorder(memory, namespace)


class DescentRecorder:
    """Keeps in memory, in one place for the cluster, who has streamed; to the minute."""

    def __init__(self, memory: Memory, place: Namespace) -> None:
        self.memory, self.server = memory, place.server
        self.place = (place._replace(server="") if place.cluster else place).of("streamed")

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is wal_receiver and any(row.pid is not None for row in answer.rows):
            known = self.memory.get(self.place, self.server)
            if not isinstance(known, int | float) or answer.at - known >= 60:
                self.memory.put(self.place, self.server, answer.at)

    def restart(self) -> None:
        """Nothing begins anew: a promoted standby stays one that has streamed."""

    def view(self, at: float) -> Descent:
        return Descent(self.memory.room(self.place))


DESCENT = StreamedBefore()
