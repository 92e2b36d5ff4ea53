"""How long an index has lain unused: its parts, and the servers of its cluster."""

from datetime import timedelta
from typing import Any

import pytest

from alerts.findings.indexes._usage import NODES, OLD, Rest, unheard, unused_seconds
from alerts.history.memory import Memory, Namespace
from alerts.replication.nodes import ClusterNodes
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, AnyAnswer, AnyCollector, Role
from collectors.replication import replication
from collectors.user_indexes import user_indexes

DAY = 86400.0
PLACE = Namespace("7001", "a", "")


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


def test_statistics_prove_their_age_only_for_what_was_there() -> None:
    """Without a scan, an index was unused since the statistics began, or since it exists."""
    never = Rest(2 * DAY, after_use=False, ever_used=False, counted_seconds=50 * DAY)
    assert never.of_age(40 * DAY).seconds == 40 * DAY
    assert never.of_age(60 * DAY).seconds == 50 * DAY
    assert never.of_age(1 * DAY).seconds == 2 * DAY
    assert rest(3, used=True).of_age(40 * DAY).seconds == 3 * DAY


def server(name: str, role: Role, at: float = 0, **others: Any) -> Snapshot:
    answers: dict[AnyCollector, AnyAnswer] = {
        user_indexes: Answer((), at),
        replication: Answer((), at),
    }
    histories = {NODES: ClusterNodes(timedelta(days=90)).recorder(Memory(), PLACE).view(at)}
    known: dict[str, Any] = {"answers": answers, "histories": histories}
    return Snapshot(ServerIdentity(name, role), at, **known | others)


def test_alone() -> None:
    """A server without standbys has nobody to ask."""
    assert unheard(server("a", Role.primary)) is None


@pytest.mark.parametrize("age", [0, OLD, OLD + 1])
def test_old_answers(age: float) -> None:
    """A peer's word holds for a quarter of an hour."""
    peer = server("b", Role.standby, at=1000)
    primary = server("a", Role.primary, at=1000 + age, peers=(peer,))
    silent = "b can't be queried now, and may use indexes that are unused here"
    assert unheard(primary) == (silent if age > OLD else None)


def test_peer_without_an_answer() -> None:
    """A watched server that is down may have used anything before."""
    peer = server("b", Role.standby, answers={})
    assert "b can't be queried" in (unheard(server("a", Role.primary, peers=(peer,))) or "")
