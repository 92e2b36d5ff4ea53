"""Nodes of a cluster: who is remembered, who is watched, and who is no standby at all."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.replication.nodes import ClusterNodes, KnownNodes, NodesRecorder
from collectors._base import Answer, AnyCollector
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.wal_receiver import wal_receiver
from tests.fixtures.lock_rows import filled

DAY = 86400.0
KIND = ClusterNodes(timedelta(days=90))


class Cluster:
    """What the servers of one cluster remember together."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.recorders: dict[str, NodesRecorder] = {}

    def learn(self, server: str, at: float, collector: AnyCollector, *rows: Any) -> None:
        place = Namespace("7001", server, "")
        recorder = self.recorders.setdefault(server, KIND.recorder(self.memory, place))
        recorder.learn(collector, Answer(rows, at))

    def receives(self, at: float, *rows: Any, by: str = "a") -> None:
        self.learn(by, at, replication, *rows)

    def beyond(self, at: float, *heard: str, forgotten: tuple[str, ...] = ()) -> list[str]:
        view: KnownNodes = KIND.recorder(self.memory, Namespace("7001", "a", "")).view(at)
        return view.beyond(frozenset(heard), forgotten)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def standby(name: str | None, slot: str | None = None, **traits: Any) -> Any:
    own: dict[str, Any] = {
        "application_name": name,
        "slot_name": slot,
        "slot_type": slot and "physical",
    }
    own |= {"write_lsn": 9, "replay_lsn": 9}
    return filled(replication.row, **own | traits)


def linked(name: str | None, slot: str | None = None, pid: int | None = 7) -> Any:
    return filled(wal_receiver.row, application_name=name, slot_name=slot, pid=pid)


def slot(name: str, **traits: Any) -> Any:
    own = {"slot_type": "physical", "active": False, "temporary": False, "in_recovery": False}
    return filled(replication_slots.row, slot_name=name, **own | traits)


def test_one_that_goes_down_is_remembered(cluster: Cluster) -> None:
    """For 90 days without a connection, unless a setting says that it is gone."""
    cluster.receives(0, standby("reports"))
    cluster.receives(10)
    assert cluster.beyond(10, "a") == ["reports"]
    assert cluster.beyond(10, "a", forgotten=("reports",)) == []
    cluster.receives(89 * DAY)
    assert cluster.beyond(89 * DAY, "a") == ["reports"]
    cluster.receives(91 * DAY)
    assert cluster.beyond(91 * DAY, "a") == []


def test_a_slot_keeps_its_owner(cluster: Cluster) -> None:
    """However long it is not connected."""
    cluster.receives(0, standby("walreceiver", "b_slot"))
    for day in range(0, 200, 10):
        cluster.receives(day * DAY)
        cluster.learn("a", day * DAY, replication_slots, slot("b_slot"))
    assert cluster.beyond(190 * DAY, "a") == ["b_slot"]


@pytest.mark.parametrize("name", [None, "b_slot"])
def test_one_that_is_watched(cluster: Cluster, name: str | None) -> None:
    """It says itself how its upstream sees it; that holds while it is down, too."""
    cluster.receives(0, standby("walreceiver", name))
    cluster.learn("b", 60, wal_receiver, linked("walreceiver", name))
    assert cluster.beyond(60, "a", "b") == []
    cluster.learn("b", 70, wal_receiver, linked(None, pid=None))
    assert cluster.beyond(10 * DAY, "a", "b") == []
    assert cluster.beyond(10 * DAY, "a") == [name or "walreceiver"]


def test_one_of_two_is_watched(cluster: Cluster) -> None:
    """Of two standbys without names of their own, one may use what is unused elsewhere."""
    two = standby("walreceiver"), standby("walreceiver")
    cluster.learn("b", 0, wal_receiver, linked("walreceiver"))
    cluster.receives(0, *two)
    cluster.receives(700, *two)
    cluster.receives(800, two[0])
    cluster.learn("b", 800, wal_receiver, linked("walreceiver"))
    assert cluster.beyond(800, "a", "b") == ["walreceiver"]


def test_connection_beside_its_own_leftover(cluster: Cluster) -> None:
    """A lost connection that has not timed out is no second standby."""
    cluster.learn("b", 0, wal_receiver, linked("walreceiver"))
    cluster.receives(0, standby("walreceiver"), standby("walreceiver"))
    cluster.receives(50, standby("walreceiver"), standby("walreceiver"))
    cluster.receives(300, standby("walreceiver"))
    assert cluster.beyond(300, "a", "b") == []


def test_archives_and_subscribers_are_no_nodes(cluster: Cluster) -> None:
    """What stores WAL without replaying it, or decodes it, answers no queries."""
    cluster.learn("a", 0, replication_slots, slot("archive"))
    cluster.receives(
        1,
        standby("pg_receivewal", "archive", replay_lsn=None),
        standby("subscriber", "logical", slot_type="logical"),
        standby("pg_basebackup"),
    )
    cluster.learn("a", 2, replication_slots, slot("archive"), slot("copy", in_recovery=True))
    assert cluster.beyond(2, "a") == []
    cluster.receives(3, standby("c", "archive"))
    assert cluster.beyond(3, "a") == ["archive"]


def test_after_a_failover_all_are_known(cluster: Cluster) -> None:
    """Each server was a standby of the other once; a third that is not heard is missed."""
    cluster.receives(0, standby("b"))
    cluster.learn("b", 0, wal_receiver, linked("b"))
    cluster.receives(100, standby("a"), by="b")
    cluster.learn("a", 100, wal_receiver, linked("a"))
    assert cluster.beyond(5000, "b", "a") == []
    assert cluster.beyond(5000, "b") == ["a"]
