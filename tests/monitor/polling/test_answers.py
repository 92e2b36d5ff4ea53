"""Facts come, are put together from their databases, and leave when they are too old."""

from dataclasses import dataclass

import pytest

from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Unknown
from collectors._base import Absence, Collector, Lane, Scope
from monitor.polling.answers import TOO_OLD, Answers


@dataclass(frozen=True, slots=True)
class Row:
    datname: str
    value: int


of_server = Collector(row=Row, lane=Lane.normal, sql={140000: "select"})
of_database = Collector(row=Row, lane=Lane.table, sql={140000: "select"}, scope=Scope.database)
ANY = (of_server, of_database)


def pace(_: object) -> float:
    return 30.0


@pytest.fixture
def facts() -> Answers:
    return Answers(Recorder())


def values(facts: Answers, collector: Collector[Row], at: float = 0) -> list[int]:
    return sorted(row.value for row in facts.snapshot(ServerIdentity("it"), at).rows(collector))


def test_an_answer_leaves_after_three_paces(facts: Answers) -> None:
    """Up to then it is served; afterwards it is unknown, with the reason."""
    facts.take(of_server, [Row("a", 1)], at=1000)
    assert facts.expire(pace, now=1090) == set()
    assert values(facts, of_server) == [1]
    assert facts.expire(pace, now=1090.1) == {(of_server, None)}
    with pytest.raises(Unknown, match="too old"):
        values(facts, of_server)


def test_no_answer_leaves_within_a_minute(facts: Answers) -> None:
    """A lane of one second does not flicker when a round or two are late."""
    facts.take(of_server, [Row("a", 1)], at=1000)
    assert facts.expire(lambda _: 1.0, now=1060) == set()
    assert facts.expire(lambda _: 1.0, now=1060.1) == {(of_server, None)}


def test_databases_are_put_together(facts: Answers) -> None:
    """One answer of all; one that failed keeps its last rows, and is missing."""
    facts.take_part(of_database, "a", [Row("a", 1)], at=1000)
    facts.take_part(of_database, "b", [Row("b", 2)], at=1001)
    facts.put_together(of_database, ["a", "b"], at=1001)
    assert values(facts, of_database) == [1, 2]
    facts.lack_part(of_database, "b", Absence("refused"))
    facts.put_together(of_database, ["a", "b"], at=1031)
    assert values(facts, of_database) == [1, 2]
    assert facts.answers[of_database].missing == {"b": Absence("refused")}


def test_the_rows_of_one_database_leave_alone(facts: Answers) -> None:
    """One is not answered any more: its rows go, the other's stay, and that is said."""
    facts.take_part(of_database, "a", [Row("a", 1)], at=1000)
    facts.take_part(of_database, "b", [Row("b", 2)], at=1050)
    facts.put_together(of_database, ["a", "b"], at=1050)
    assert facts.expire(pace, now=1100) == {(of_database, "a")}
    assert values(facts, of_database) == [2]
    assert facts.answers[of_database].missing == {"a": TOO_OLD}


def test_a_database_that_was_dropped_is_forgotten(facts: Answers) -> None:
    """Neither rows nor a complaint remain of it."""
    facts.take_part(of_database, "a", [Row("a", 1)], at=1000)
    facts.take_part(of_database, "b", [Row("b", 2)], at=1000)
    facts.put_together(of_database, ["a", "b"], at=1000)
    assert facts.put_together(of_database, ["a"], at=1030) == {"b"}
    assert values(facts, of_database) == [1]
    assert facts.answers[of_database].missing == {}


def test_everything_leaves_when_the_server_does(facts: Answers) -> None:
    """At once, with the reason; said once, it is no news the second time."""
    facts.take(of_server, [Row("a", 1)], at=1000)
    assert facts.clear(ANY, "gone") == {of_server, of_database}
    assert facts.clear(ANY, "gone") == set()
    with pytest.raises(Unknown, match="gone"):
        values(facts, of_server)


def test_what_was_never_asked_is_unknown(facts: Answers) -> None:
    """No answer is not an empty answer."""
    with pytest.raises(Unknown, match="not queried yet"):
        values(facts, of_server)


def test_a_failed_round_keeps_what_was_known(facts: Answers) -> None:
    """Until it is too old; the reason is there from the first failure on."""
    facts.take(of_server, [Row("a", 1)], at=1000)
    assert facts.lack(of_server, Absence("cancelled")) is False
    assert values(facts, of_server) == [1]
    facts.expire(pace, now=1100)
    with pytest.raises(Unknown, match="cancelled"):
        values(facts, of_server)


def test_a_snapshot_does_not_change_afterwards(facts: Answers) -> None:
    """What a judge looks at stands still."""
    facts.take(of_server, [Row("a", 1)], at=1000)
    snapshot = facts.snapshot(ServerIdentity("it"), 1000)
    facts.take(of_server, [Row("a", 2)], at=1001)
    assert [row.value for row in snapshot.rows(of_server)] == [1]


def test_a_database_that_nobody_has_seen_yet_is_missing(facts: Answers) -> None:
    """Until its first answer; what was seen before is not called unseen again."""
    unseen = Absence("not visited yet")
    facts.take_part(of_database, "a", [Row("a", 1)], at=1000)
    facts.expect(of_database, ["a", "b"], unseen)
    facts.put_together(of_database, ["a", "b"], at=1000)
    assert facts.answers[of_database].missing == {"b": unseen}
    facts.take_part(of_database, "b", [], at=1001)
    facts.expect(of_database, ["a", "b"], unseen)
    facts.put_together(of_database, ["a", "b"], at=1001)
    assert facts.answers[of_database].missing == {}
