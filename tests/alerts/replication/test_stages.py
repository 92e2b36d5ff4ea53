"""Stages of WAL: where it waits, as each side sees it, and whose fault it is."""

from dataclasses import replace
from typing import Any

from alerts.replication.stages import Stage, backlog_of_receiver, backlog_of_standby
from collectors._base import AnyCollector, Role
from collectors.activity import activity
from collectors.replication import Receiver, replication
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from tests.fixtures.lock_rows import session
from tests.fixtures.replication_rows import LINK, NOW, PRIMARY, RECEIVER, STANDBY, MiB, Server

Answers = dict[AnyCollector, list[Any]]
NAMED = replace(LINK, application_name="replica2")
LEFT = replace(RECEIVER, replay_lsn=900 * MiB, flush_lsn=910 * MiB, write_lsn=930 * MiB)


def test_bytes_of_a_receiver_by_stage() -> None:
    """Each position is behind the one before; the slowest has the most bytes."""
    backlog = backlog_of_receiver(replace(LEFT, sent_lsn=960 * MiB))
    assert [(stage, size // MiB) for stage, size in backlog.stages.items()] == [
        (Stage.send, 40),
        (Stage.receive, 30),
        (Stage.flush, 20),
        (Stage.replay, 10),
    ]
    assert backlog.slowest is Stage.send
    assert backlog_of_receiver(RECEIVER).slowest is None


def test_unknown_positions_are_left_out() -> None:
    """Before the first reply only what is sent is known."""
    silent = replace(RECEIVER, write_lsn=None, flush_lsn=None, replay_lsn=None)
    assert list(backlog_of_receiver(silent).stages) == [Stage.send]


def below(link: Any, *above: tuple[Receiver, Role]) -> Any:
    """A standby of watched servers, each with one walsender."""
    answers: Answers = {wal_position: [PRIMARY], replication: []}
    peers = [Server("db1", Role.primary).saw(NOW, answers)]
    for number, (row, role) in enumerate(above, 3):
        position = PRIMARY if role is Role.primary else STANDBY
        people = [session(row.pid, backend_type="walsender", wait_event="WalSenderWriteData")]
        answers = {wal_position: [position], replication: [row], activity: people}
        peers.append(Server(f"db{number}", role).saw(NOW, answers))
    own: Answers = {wal_position: [STANDBY], wal_receiver: [link]}
    return Server("db2", Role.standby).saw(NOW, own, *peers)


def test_what_a_walsender_waits_for() -> None:
    """It is found by name and slot, and only if it is the only one."""
    link = replace(NAMED, written_lsn=900 * MiB, flushed_lsn=900 * MiB, replay_lsn=900 * MiB)
    row = replace(RECEIVER, sent_lsn=900 * MiB)
    one = backlog_of_standby(below(link, (row, Role.primary)))
    assert (one.slowest, one.wait, one.upstream) == (Stage.send, "WalSenderWriteData", None)
    two = backlog_of_standby(below(link, (row, Role.primary), (row, Role.primary)))
    assert two.wait is None


def test_an_upstream_that_is_behind_itself() -> None:
    """A cascade lacks what its upstream lacks."""
    link = replace(NAMED, written_lsn=900 * MiB, flushed_lsn=900 * MiB, replay_lsn=900 * MiB)
    late = replace(RECEIVER, current_lsn=905 * MiB, sent_lsn=900 * MiB)
    assert backlog_of_standby(below(link, (late, Role.standby))).upstream == "db3"
    fresh = replace(late, current_lsn=999 * MiB)
    assert backlog_of_standby(below(link, (fresh, Role.standby))).upstream is None


def test_replay_is_told_with_what_it_waits_for() -> None:
    """The startup process is the only one that replays."""
    link = replace(NAMED, replay_lsn=900 * MiB)
    startup = session(5, backend_type="startup", wait_event="DataFileRead")
    own: Answers = {wal_position: [STANDBY], wal_receiver: [link], activity: [startup]}
    backlog = backlog_of_standby(Server("db2", Role.standby).saw(NOW, own))
    assert (backlog.slowest, backlog.wait) == (Stage.replay, "DataFileRead")
