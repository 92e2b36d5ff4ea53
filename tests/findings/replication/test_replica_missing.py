"""replica_missing by hand-made rows: whom a primary expects, and whom not."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.replication.replica_missing import Limits, finding
from alerts.history.memory import Memory
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Role
from collectors.replication import Receiver, replication
from collectors.replication_slots import replication_slots
from collectors.settings import settings
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.replication_rows import LINK, NOW, PRIMARY, RECEIVER, STANDBY, Server

HOUR = 3600.0
NAMED = filled(settings.row, name="cluster_name", setting="")


def received(server: Server, hours: float, *rows: Receiver, then: float = 121.0) -> Snapshot:
    """Of a primary with these receivers for hours, and with none for some seconds."""
    start = NOW - hours * HOUR - then
    for step in range(int(hours * HOUR / 60) + 1):
        server.saw(start + step * 60, {wal_position: [PRIMARY], replication: list(rows)})
    return server.saw(NOW, {wal_position: [PRIMARY], replication: []})


def subjects(snapshot: Snapshot, limits: Limits | None = None) -> list[str]:
    return [s.evidence.subject for s in verdict_of(finding, snapshot, limits=limits).subjects]


def test_one_that_was_there_for_a_day_is_missed() -> None:
    """A visitor of an hour is not; neither is an archive of WAL."""
    server = Server("db1", Role.primary)
    visitor = replace(RECEIVER, application_name="visitor")
    received(server, 1, visitor)
    archive = replace(RECEIVER, application_name="archive", replay_lsn=None)
    assert subjects(received(Server("db3", Role.primary), 23, RECEIVER)) == []
    assert subjects(received(server, 25, RECEIVER, archive)) == ["replica2"]
    later = server.saw(NOW + 8 * 24 * HOUR, {wal_position: [PRIMARY]})
    assert subjects(later) == []


def test_a_restart_is_no_loss() -> None:
    """Two minutes are given."""
    assert subjects(received(Server("db1", Role.primary), 25, RECEIVER, then=100)) == []


def test_one_whose_slot_was_dropped_is_removed() -> None:
    """As long as the slot is there, it is missed."""
    server = Server("db1", Role.primary)
    with_slot = replace(RECEIVER, slot_name="second", slot_type="physical")
    received(server, 25, with_slot)
    answers: dict[AnyCollector, list[Any]] = {wal_position: [PRIMARY], replication: []}
    slot = filled(replication_slots.row, slot_name="second", slot_type="physical", active=False)
    assert subjects(server.saw(NOW + 1, answers | {replication_slots: [slot]})) == ["replica2"]
    assert subjects(server.saw(NOW + 2, answers | {replication_slots: []})) == []


@pytest.mark.parametrize("slot", ["second", None])
def test_another_name_is_no_other_standby(slot: str | None) -> None:
    """One that gets an application_name is known again by its slot, or by its address; it is
    expected under the new name at once."""
    server, kind = Server("db1", Role.primary), slot and "physical"
    unnamed = replace(
        RECEIVER, application_name="walreceiver", slot_name=slot, slot_type=kind, pid=1
    )
    received(server, 25, unnamed, then=300)
    named = replace(unnamed, application_name="db2", pid=2)
    answers: dict[AnyCollector, list[Any]] = {wal_position: [PRIMARY]}
    for ago in (180, 1):
        snapshot = server.saw(NOW - ago, answers | {replication: [named]})
        assert subjects(snapshot) == []
    assert subjects(server.saw(NOW + 200, answers)) == ["db2"]


def test_one_beside_another_of_its_address_is_missed() -> None:
    """Both have stayed for long, so none of them is the other under a new name."""
    server = Server("db1", Role.primary)
    named = replace(RECEIVER, application_name="db2", pid=2)
    received(server, 25, replace(RECEIVER, application_name="walreceiver"), named)
    snapshot = server.saw(NOW + 1, {wal_position: [PRIMARY], replication: [named]})
    assert subjects(snapshot) == ["10.0.0.2"]


def test_those_that_are_named_are_expected() -> None:
    """At once, and no other."""
    limits = Limits(expected=("replica2", "third"))
    server = Server("db1", Role.primary)
    answers: dict[AnyCollector, list[Any]] = {wal_position: [PRIMARY], replication: [RECEIVER]}
    assert verdict_of(finding, server.saw(NOW, answers), limits=limits).state is State.unknown
    both = server.saw(NOW, answers | {settings: [NAMED]})
    assert subjects(both, limits) == ["third"]
    stranger = replace(RECEIVER, application_name="stranger")
    lone = Server("db1", Role.primary)
    received(lone, 25, stranger)
    gone = lone.saw(NOW + 1, {wal_position: [PRIMARY], settings: [NAMED]})
    assert subjects(gone, limits) == ["replica2", "third"]


def test_a_promoted_standby_does_not_miss_itself() -> None:
    """It takes over what its primary expected, but for its own name."""
    memory = Memory()
    old, new = Server("db1", Role.primary, memory), Server("db2", Role.standby, memory)
    third = replace(RECEIVER, application_name="third")
    link = replace(LINK, application_name="replica2")
    new.saw(NOW - HOUR, {wal_position: [STANDBY], wal_receiver: [link]})
    received(old, 25, RECEIVER, third)
    promoted = Server("db2", Role.primary, memory)
    snapshot = promoted.saw(NOW + HOUR, {wal_position: [PRIMARY], replication: []})
    assert subjects(snapshot) == ["third"]


def test_a_standby_is_not_judged() -> None:
    """It has no standbys to expect, but those of a cascade."""
    server = Server("db2", Role.standby)
    assert verdict_of(finding, server.saw(NOW, {wal_position: [STANDBY]})).state is (
        State.not_applicable
    )


def test_a_switchover_misses_nobody() -> None:
    """With the same names expected on every server: itself never, and the old primary not yet."""
    limits, memory = Limits(expected=("db1", "db2")), Memory()
    server = Server("second", Role.primary, memory)
    link = replace(LINK, application_name="db2")
    server.saw(NOW - 1, {wal_position: [STANDBY], wal_receiver: [link]})
    answers: dict[AnyCollector, list[Any]] = {wal_position: [PRIMARY], settings: [NAMED]}
    assert subjects(server.saw(NOW, answers), limits) == []
    assert subjects(server.saw(NOW + 119, answers), limits) == []
    assert subjects(server.saw(NOW + 120, answers), limits) == ["db1"]
    named = filled(settings.row, name="cluster_name", setting="db2")
    answers |= {settings: [named]}
    assert subjects(Server("first", Role.primary).saw(NOW, answers), limits) == ["db1"]
