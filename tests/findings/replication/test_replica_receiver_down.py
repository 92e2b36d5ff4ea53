"""replica_receiver_down by hand-made rows: how long, seen from where, and what is none."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.replication.replica_receiver_down import finding
from alerts.verdicts.tracker import VerdictTracker
from collectors._base import Role
from collectors.replication import replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from tests.fixtures.one_look import verdict_of
from tests.fixtures.replication_rows import (
    CUT,
    LINK,
    NOW,
    PRIMARY,
    RECEIVER,
    STANDBY,
    MiB,
    Server,
    alone,
)

DOWN = replace(STANDBY, receiving=False)


def test_a_dead_link_is_unknown_at_once_and_critical_after_a_minute() -> None:
    """All that was received is replayed, and still this is never healthy."""
    server = Server("db2", Role.standby)
    server.saw(NOW - 59, {wal_position: [STANDBY], wal_receiver: [LINK]})
    early = server.saw(NOW, {wal_position: [DOWN], wal_receiver: [CUT]})
    assert verdict_of(finding, early).state is State.unknown
    late = server.saw(NOW + 2, {wal_position: [DOWN], wal_receiver: [CUT]})
    verdict = verdict_of(finding, late)
    assert verdict.severity is Severity.critical
    assert (verdict.subjects[0].evidence.subject, verdict.subjects[0].evidence.value) == ("db2", 61)


@pytest.mark.parametrize(("hung", "state"), [(60, State.ill), (30, State.unknown)])
def test_a_hung_link_that_is_given_up_counts_on(hung: int, state: State) -> None:
    """The receiver ends itself after its time-out; the silence did not begin then. A quiet one
    of an idle primary that is cut off has the whole minute."""
    server = Server("db2", Role.standby)
    for second in range(0, hung, 5):
        here = replace(STANDBY, silent_seconds=float(second))
        link = replace(LINK, silent_seconds=float(second), seen=NOW + second)
        server.saw(NOW + second, {wal_position: [here], wal_receiver: [link]})
    snapshot = server.saw(NOW + hung + 1, {wal_position: [DOWN], wal_receiver: [CUT]})
    assert verdict_of(finding, snapshot).state is state


def test_a_link_that_was_dead_before_we_came_is_critical() -> None:
    """No memory of a receiver and a server up for a day: nobody restarts for so long."""
    verdict = verdict_of(finding, alone(DOWN, CUT))
    assert verdict.severity is Severity.critical
    assert "since pgvigil started to watch it" in verdict.reason


def test_a_standby_that_just_started_gets_time_to_connect() -> None:
    """A server up for ten seconds has not been cut off for a minute."""
    verdict = verdict_of(finding, alone(DOWN, replace(CUT, up_seconds=10.0)))
    assert verdict.state is State.unknown


@pytest.mark.parametrize(
    ("silent", "state"), [(30.0, State.healthy), (40.0, State.unknown), (75.0, State.ill)]
)
def test_the_last_message_counts_not_the_process(silent: float, state: State) -> None:
    """A receiver asks after half of its time-out: beyond that, the link is no quiet one."""
    link = replace(LINK, silent_seconds=silent)
    verdict = verdict_of(finding, alone(replace(STANDBY, silent_seconds=silent), link))
    assert verdict.state is state


def test_fed_from_an_archive_on_purpose_is_no_dead_link() -> None:
    """Without primary_conninfo there is no receiver to wait for."""
    archive = replace(CUT, has_upstream=False, has_archive=True)
    assert verdict_of(finding, alone(DOWN, archive)).state is State.healthy


def test_what_a_standby_should_receive_may_be_hidden() -> None:
    """Of a role without pg_read_all_settings; one that has received something should go on."""
    hidden = replace(CUT, has_upstream=None, has_archive=True)
    verdict = verdict_of(finding, alone(DOWN, hidden))
    assert verdict.state is State.unknown
    assert "pg_read_all_settings" in verdict.reason
    server = Server("db2", Role.standby)
    server.saw(NOW, {wal_position: [STANDBY], wal_receiver: [LINK], replication: []})
    cut = server.saw(NOW + 100, {wal_position: [DOWN], wal_receiver: [hidden], replication: []})
    assert verdict_of(finding, cut).state is State.ill


@pytest.mark.parametrize(("replies", "state"), [(True, State.healthy), (False, State.ill)])
def test_an_unwatched_standby_that_no_longer_replies(replies: bool, state: State) -> None:
    """By whether its replies change, for they are stamped by its own clock."""
    server = Server("db1", Role.primary)
    for second in range(0, 91, 15):
        row = replace(RECEIVER, reply_time=5.0 + (second if replies else 0))
        snapshot = server.saw(NOW + second, {wal_position: [PRIMARY], replication: [row]})
    assert verdict_of(finding, snapshot).state is state


@pytest.mark.parametrize(
    ("sent", "silent", "state"),
    [
        (1, 4, State.unknown),  # sent, and not confirmed
        (1, 3, State.healthy),  # it may be on its way
        (0, 50, State.healthy),  # nothing was sent that it could confirm
    ],
)
def test_wal_that_is_not_confirmed_shows_a_hung_link(sent: int, silent: int, state: State) -> None:
    """Seen from the primary alone, within seconds."""
    server = Server("db1", Role.primary)
    position = RECEIVER.write_lsn
    assert position
    for second in (0, silent):
        row = replace(RECEIVER, reply_time=5.0, sent_lsn=position + sent)
        snapshot = server.saw(NOW + second, {wal_position: [PRIMARY], replication: [row]})
    assert verdict_of(finding, snapshot).state is state


def test_a_dead_link_is_not_healthy_for_a_moment() -> None:
    """Not before the minute is over, and not while the illness must hold."""
    server, tracker, states = Server("db2", Role.standby), VerdictTracker(), []
    server.saw(NOW, {wal_position: [STANDBY], wal_receiver: [LINK]})
    for second in range(1, 70):
        snapshot = server.saw(NOW + second, {wal_position: [DOWN], wal_receiver: [CUT]})
        states.append(verdict_of(finding, snapshot, tracker).state)
    assert states == [State.unknown] * 62 + [State.ill] * 7


NEW = replace(RECEIVER, pid=100, connected_seconds=20.0)


@pytest.mark.parametrize(
    ("traits", "subjects"),
    [
        ({}, []),  # it has connected again
        ({"connected_seconds": 500.0}, ["replica2"]),  # it was there before the other fell silent
        ({"client_addr": "10.0.0.3"}, ["replica2"]),  # another host
        ({"slot_name": "s", "slot_type": "physical"}, ["replica2"]),  # two connections at once
        ({"replay_lsn": 999 * MiB}, ["replica2"]),  # behind the other: not the same standby
    ],
)
def test_a_lost_connection_beside_the_new_one(traits: dict[str, Any], subjects: list[str]) -> None:
    """Its row stands still, and the standby is well."""
    server = Server("db1", Role.primary)
    old = replace(RECEIVER, reply_time=5.0)
    for second in range(0, 91, 15):
        new = replace(NEW, reply_time=5.0 + second, **traits)
        rows = [old, new] if second > 70 or traits else [old]
        snapshot = server.saw(NOW + second, {wal_position: [PRIMARY], replication: rows})
    found = verdict_of(finding, snapshot).subjects
    assert [subject.evidence.subject for subject in found] == subjects


def test_each_new_connection_replaces_one_lost_connection() -> None:
    """Two standbys of the same name and host: one is back, the other is not."""
    server = Server("db1", Role.primary)
    lost = [replace(RECEIVER, pid=pid, reply_time=5.0) for pid in (98, 99)]
    for second in range(0, 91, 15):
        new = replace(NEW, reply_time=5.0 + second)
        rows = [*lost, new] if second > 70 else lost
        snapshot = server.saw(NOW + second, {wal_position: [PRIMARY], replication: rows})
    [subject] = verdict_of(finding, snapshot).subjects
    assert subject.evidence.facts["walsender_pid"] in (98, 99)
