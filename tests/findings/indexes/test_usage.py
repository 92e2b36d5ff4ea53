"""How long an index has lain unused: its parts, and the servers of its cluster."""

from types import SimpleNamespace
from typing import Any

import pytest

from alerts.findings.indexes._usage import OLD, Rest, unheard, unused_seconds
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, Role
from collectors.replication import replication
from collectors.user_indexes import user_indexes

DAY = 86400.0


def rest(days: float, *, used: bool = False) -> Rest:
    return Rest(days * DAY, after_use=used, ever_used=used)


@pytest.mark.parametrize(
    ("parts", "days"),
    [
        ([], 0),
        ([rest(40)], 40),
        ([rest(40, used=True)], 40),
        ([rest(40), rest(3)], 40),
        ([rest(40), rest(3, used=True)], 3),
        ([rest(40, used=True), rest(50, used=True)], 40),
        ([rest(2), rest(40, used=True)], 40),
        ([rest(3), rest(2)], 3),
    ],
)
def test_parts_speak_together(parts: list[Rest], days: float) -> None:
    """A new part that was never used shortens nothing; a use of any part counts for all."""
    assert unused_seconds(parts) == days * DAY


def server(name: str, role: Role, *receivers: Any, at: float = 0, **others: Any) -> Snapshot:
    answers = {user_indexes: Answer((), at), replication: Answer(receivers, at)}
    return Snapshot(ServerIdentity(name, role), at, others.pop("answers", answers), **others)


def receiver(replay_lsn: int | None = 1, slot_type: str | None = None) -> Any:
    return SimpleNamespace(replay_lsn=replay_lsn, slot_type=slot_type)


def test_alone() -> None:
    """A server without standbys has nobody to ask."""
    assert unheard(server("a", Role.primary)) is None


def test_backups_and_subscribers_use_no_index_of_ours() -> None:
    """What keeps WAL without replaying it, or decodes it, is no standby."""
    receivers = receiver(None), receiver(None, "physical"), receiver(7, "logical")
    assert unheard(server("a", Role.primary, *receivers)) is None


def test_standbys_that_nobody_watches() -> None:
    """Standbys are counted against the watched ones, those behind a standby too."""
    watched = server("b", Role.standby, receiver(), receiver())
    primary = server("a", Role.primary, receiver(), peers=(watched,))
    assert unheard(primary) == "2 standbys not watched, may use indexes that are unused here"


def test_cascade_that_is_watched() -> None:
    """A cascade of which each server is watched is complete."""
    peers = server("b", Role.standby, receiver()), server("c", Role.standby)
    assert unheard(server("a", Role.primary, receiver(), peers=peers)) is None


@pytest.mark.parametrize("age", [0, OLD, OLD + 1])
def test_old_answers(age: float) -> None:
    """A peer's word holds for a quarter of an hour."""
    peer = server("b", Role.standby, at=1000)
    primary = server("a", Role.primary, receiver(), at=1000 + age, peers=(peer,))
    silent = "b can't be queried now, and may use indexes that are unused here"
    assert unheard(primary) == (silent if age > OLD else None)


def test_peer_without_an_answer() -> None:
    """A watched server that is down may have used anything before."""
    peer = server("b", Role.standby, answers={})
    assert "b can't be queried" in (unheard(server("a", Role.primary, peers=(peer,))) or "")
