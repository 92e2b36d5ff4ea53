"""Leftovers of lost connections: told from living standbys of the same name and address."""

from dataclasses import replace

import pytest

from alerts.replication.leftovers import without_leftovers
from collectors.replication import Receiver
from tests.fixtures.replication_rows import NOW, RECEIVER, MiB

OLD = replace(RECEIVER, pid=1, connected_seconds=5000.0)


def pids(*receivers: Receiver) -> list[int]:
    return [one.pid for one in without_leftovers(receivers)]


def newer(age: float, replied: float, flushed: int = 0) -> Receiver:
    """A connection of that age, which has flushed more WAL, and replied so long ago."""
    lsn = (RECEIVER.flush_lsn or 0) + flushed
    return replace(
        RECEIVER,
        pid=2,
        connected_seconds=age,
        reply_time=NOW - replied,
        flush_lsn=lsn,
        replay_lsn=lsn,
    )


@pytest.mark.parametrize("age", [1.0, 5.0, 15.0, 39.0, 400.0])
@pytest.mark.parametrize("replied", [0.0, 9.9, 29.0])
def test_two_idle_standbys_live(age: float, replied: float) -> None:
    """Without WAL to confirm they reply each ten seconds, or when they are asked for it."""
    assert pids(replace(OLD, reply_time=NOW - replied), newer(age, 0.0)) == [1, 2]


@pytest.mark.parametrize(
    ("silent", "age", "flushed", "left"),
    [
        (2.0, 1.0, MiB, [1, 2]),  # it replies in a moment
        (4.0, 3.0, MiB, [2]),
        (31.0, 20.0, 0, [2]),
        (300.0, 290.0, 0, [2]),
        (300.0, 4000.0, MiB, [1, 2]),  # it was well for an hour after the other came
    ],
)
def test_one_that_owes_a_reply_is_lost(
    silent: float, age: float, flushed: int, left: list[int]
) -> None:
    """It was silent already when the newer one came."""
    assert pids(replace(OLD, reply_time=NOW - silent), newer(age, 0.0, flushed)) == left
