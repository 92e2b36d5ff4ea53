"""Facts come, are put together from their databases, and leave when they are too old."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Unknown
from collectors._base import Absence, Collector, Lane, Role, Scope
from collectors._columns import Columns, block
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
def answers() -> Answers:
    return Answers(Recorder())


def values(answers: Answers, collector: Collector[Row], at: float = 0) -> list[int]:
    return sorted(row.value for row in answers.snapshot(ServerIdentity("it"), at).rows(collector))


def expired(
    answers: Answers, pace: Callable[[Collector[Row]], float], now: float
) -> set[tuple[Collector[Row], str | None]]:
    known = list(answers.newest)
    old = [one for one in known if not answers.is_young(one, now)]
    return {(one, gone) for one in old for gone in answers.expire(one, pace(one), now)}


def test_an_answer_leaves_after_three_paces(answers: Answers) -> None:
    """Up to then it is served; afterwards it is unknown, with the reason."""
    answers.take(of_server, None, [Row("a", 1)], at=1000)
    assert expired(answers, pace, now=1090) == set()
    assert values(answers, of_server) == [1]
    assert expired(answers, pace, now=1090.1) == {(of_server, None)}
    with pytest.raises(Unknown, match="too old"):
        values(answers, of_server)


def test_no_answer_leaves_within_a_minute(answers: Answers) -> None:
    """A lane of one second does not flicker when a round or two are late."""
    answers.take(of_server, None, [Row("a", 1)], at=1000)
    assert expired(answers, lambda _: 1.0, now=1060) == set()
    assert expired(answers, lambda _: 1.0, now=1060.1) == {(of_server, None)}


def test_databases_are_put_together(answers: Answers) -> None:
    """One answer of all; one that failed keeps its last rows, and is missing."""
    answers.take(of_database, "a", [Row("a", 1)], at=1000)
    answers.take(of_database, "b", [Row("b", 2)], at=1001)
    answers.combine(of_database, ["a", "b"], at=1001)
    assert values(answers, of_database) == [1, 2]
    answers.mark_absent(of_database, "b", Absence("refused"))
    answers.combine(of_database, ["a", "b"], at=1031)
    assert values(answers, of_database) == [1, 2]
    assert answers.newest[of_database].missing == {"b": Absence("refused")}


def test_the_rows_of_one_database_leave_alone(answers: Answers) -> None:
    """One is not answered any more: its rows go, the other's stay, and that is said."""
    answers.take(of_database, "a", [Row("a", 1)], at=1000)
    answers.take(of_database, "b", [Row("b", 2)], at=1050)
    answers.combine(of_database, ["a", "b"], at=1050)
    assert expired(answers, pace, now=1100) == {(of_database, "a")}
    assert values(answers, of_database) == [2]
    assert answers.newest[of_database].missing == {"a": TOO_OLD}


def test_a_database_that_was_dropped_is_forgotten(answers: Answers) -> None:
    """Neither rows nor a complaint remain of it."""
    answers.take(of_database, "a", [Row("a", 1)], at=1000)
    answers.take(of_database, "b", [Row("b", 2)], at=1000)
    answers.combine(of_database, ["a", "b"], at=1000)
    assert answers.combine(of_database, ["a"], at=1030) == {"b"}
    assert values(answers, of_database) == [1]
    assert answers.newest[of_database].missing == {}


@pytest.mark.parametrize("is_bulk", [False, True])
def test_the_last_database_that_was_dropped_is_forgotten(answers: Answers, is_bulk: bool) -> None:
    """No other one is watched, so that nothing is left: its rows would never be too old."""
    one = replace(of_database, bulk=is_bulk)
    rows = Columns(Row, [block(Row, [{"datname": "a", "value": 1}])]) if is_bulk else [Row("a", 1)]
    answers.take(one, "a", rows, at=1000)
    answers.combine(one, ["a"], at=1000)
    assert values(answers, one) == [1]
    assert answers.combine(one, [], at=1030) == {"a"}
    assert values(answers, one) == []
    version = answers.version
    assert answers.combine(one, [], at=1060) == set()
    assert answers.version == version


def test_everything_leaves_when_the_server_does(answers: Answers) -> None:
    """At once, with the reason; said once, it is no news the second time."""
    answers.take(of_server, None, [Row("a", 1)], at=1000)
    assert answers.forget(ANY, "gone") == {of_server, of_database}
    assert answers.forget(ANY, "gone") == set()
    with pytest.raises(Unknown, match="gone"):
        values(answers, of_server)


def test_what_was_never_asked_is_unknown(answers: Answers) -> None:
    """No answer is not an empty answer."""
    with pytest.raises(Unknown, match="not queried yet"):
        values(answers, of_server)


def test_a_failed_round_keeps_what_was_known(answers: Answers) -> None:
    """Until it is too old; the reason is there from the first failure on."""
    answers.take(of_server, None, [Row("a", 1)], at=1000)
    answers.take_fresh()
    answers.mark_absent(of_server, None, Absence("cancelled"))
    assert answers.take_fresh().all == set(), "no news for the judges"
    assert values(answers, of_server) == [1]
    expired(answers, pace, now=1100)
    with pytest.raises(Unknown, match="cancelled"):
        values(answers, of_server)


def test_a_snapshot_does_not_change_afterwards(answers: Answers) -> None:
    """What a judge looks at stands still."""
    answers.take(of_server, None, [Row("a", 1)], at=1000)
    snapshot = answers.snapshot(ServerIdentity("it"), 1000)
    answers.take(of_server, None, [Row("a", 2)], at=1001)
    assert [row.value for row in snapshot.rows(of_server)] == [1]


def test_a_database_that_nobody_has_seen_yet_is_missing(answers: Answers) -> None:
    """Until its first answer; what was seen before is not called unseen again."""
    unseen = Absence("not visited yet")
    answers.take(of_database, "a", [Row("a", 1)], at=1000)
    answers.mark_unvisited(of_database, ["a", "b"], unseen)
    answers.combine(of_database, ["a", "b"], at=1000)
    assert answers.newest[of_database].missing == {"b": unseen}
    answers.take(of_database, "b", [], at=1001)
    answers.mark_unvisited(of_database, ["a", "b"], unseen)
    answers.combine(of_database, ["a", "b"], at=1001)
    assert answers.newest[of_database].missing == {}


def test_others_share_a_snapshot_until_something_is_new(answers: Answers) -> None:
    """An answer, a reason why there is none, an expiry, a loss, another role: each is new."""
    standby = ServerIdentity("it", Role.standby)
    changes: list[Callable[[], object]] = [
        lambda: answers.take(of_server, None, [Row("a", 1)], at=1000),
        lambda: answers.take(of_server, None, [Row("a", 2)], at=1001),
        lambda: expired(answers, pace, now=2000),
        lambda: answers.mark_absent(of_server, None, Absence("a timeout")),
        lambda: answers.forget(ANY, "it is gone"),
        answers.recorder.restart,
    ]
    before = answers.shared(ServerIdentity("it"), 1000)
    for change in changes:
        change()
        after = answers.shared(ServerIdentity("it"), 1000)
        assert after is not before
        assert answers.shared(ServerIdentity("it"), 1005) is after
        before = after
    assert answers.shared(standby, 1000).node is standby


def test_an_equal_answer_keeps_the_rows_of_the_one_before(answers: Answers) -> None:
    """It is a new answer of the same rows: kept once, and rendered once."""
    first = answers.take(of_server, None, [Row("a", 1)], at=1000)
    assert answers.take(of_server, None, [Row("a", 1)], at=1015) is first
    assert (answers.newest[of_server].at, answers.newest[of_server].rows) == (1015, first)
    assert answers.take(of_server, None, [Row("a", 2)], at=1030) == [Row("a", 2)]
    in_database = answers.take(of_database, "a", [Row("a", 1)], at=1000)
    assert answers.take(of_database, "a", [Row("a", 1)], at=1015) is in_database
    assert answers.take(of_database, "b", [Row("a", 1)], at=1015) is not in_database


def test_an_answer_that_says_the_same_is_told_apart(answers: Answers) -> None:
    """Until something else comes before the next judgement, or all is judged anew."""
    answers.take(of_server, None, [Row("a", 1)], at=1000)
    assert answers.repeated == set()
    answers.take_fresh()
    answers.take(of_server, None, [Row("a", 1)], at=1001)
    assert answers.repeated == {of_server}
    answers.take(of_server, None, [Row("a", 2)], at=1002)
    answers.take(of_server, None, [Row("a", 2)], at=1003)
    assert answers.repeated == set(), "it said something else since the last judgement"
    answers.take_fresh()
    answers.take(of_server, None, [Row("a", 2)], at=1004)
    answers.refresh_all(ANY)
    assert answers.repeated == set()
    answers.take_fresh()
    answers.take(of_server, None, [Row("a", 2)], at=1005)
    answers.forget(ANY, "gone")
    assert answers.repeated == set()


def test_what_is_forgotten_of_one_database_does_not_come_back_with_another(
    answers: Answers,
) -> None:
    """Another server answers now, and has answered in one database so far."""
    for name in ("x", "y"):
        answers.take(of_database, name, [Row(name, 1)], at=1000)
    answers.combine(of_database, ["x", "y"], at=1000)
    answers.forget(ANY, "another server")
    answers.take(of_database, "x", [Row("x", 2)], at=1001)
    answers.combine(of_database, ["x", "y"], at=1001)
    assert values(answers, of_database) == [2]
