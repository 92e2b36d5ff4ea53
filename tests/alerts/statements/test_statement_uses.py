"""What statements did is counted once, however their entries come and go."""

from datetime import timedelta
from math import isnan

import pytest

from alerts.history.recorder import Recorder
from alerts.statements.history import KEPT, STATEMENTS, StatementUses
from alerts.statements.uses import COUNTERS, Use, Uses, added
from collectors._base import Answer
from collectors._columns import Columns, block
from collectors.stat_statements import Statement, stat_statements
from tests.fixtures.statement_rows import ABSENT, AT, key, statement, uses_of

WINDOW = timedelta(minutes=5)


def calls(learned: StatementUses) -> dict[int, float]:
    """Executions by query id, in all that was seen."""
    uses = learned.over(timedelta(hours=1))
    return {} if uses is None else {query_id: use.calls for (_, _, query_id), use in uses.items()}


def test_the_first_answer_tells_of_no_use() -> None:
    learned = uses_of([statement(1, 500)])
    assert (learned.over(WINDOW), learned.begun) == (None, AT)


def test_only_what_was_executed_is_there() -> None:
    """Its increases, also of what was planned and not executed."""
    first = [statement(1, 5, rows=10), statement(2, 7), statement(3, 1, plans=1)]
    second = [statement(1, 9, rows=30), statement(2, 7), statement(3, 1, plans=2)]
    learned = uses_of(first, second)
    uses = learned.over(WINDOW)
    assert uses is not None
    assert {one: (use.calls, use.rows, use.plans) for one, use in uses.items()} == {
        key(1): (4, 20, 0),
        key(3): (0, 0, 1),
    }
    assert (uses.seconds, learned.users, learned.databases) == (150, {10: "app"}, {5: "shop"})


def test_a_new_entry_has_counted_nothing_older() -> None:
    """A statement that was not there before, or was evicted and has come back."""
    there, gone = [statement(1, 5), statement(2, 100)], [statement(1, 5)]
    assert calls(uses_of(gone, there)) == {2: 100}
    assert calls(uses_of(there, gone, [statement(1, 5), statement(2, 3)])) == {2: 3}


@pytest.mark.parametrize(
    ("after", "counted"),
    [
        (statement(1, 3, seconds=0.5), 3),  # evicted and back between two answers
        (statement(1, 20, seconds=0.5), 20),  # the same, with more executions than before
        (statement(1, 12, seconds=1.5, stats_since=AT), 12),  # what 17 tells of it
        (statement(1, 12, seconds=1.5, stats_reset=2.0), 12),  # all were reset
        (statement(1, 12, seconds=1.5), 2),
    ],
    ids=["fell", "other counter fell", "stats_since", "reset", "none of it"],
)
def test_an_entry_that_began_anew(after: Statement, counted: int) -> None:
    """All it has counted came after the answer before."""
    assert calls(uses_of([statement(1, 10, seconds=1)], [after])) == {1: counted}


def test_one_of_two_entries_is_evicted() -> None:
    """What a statement did by itself is not counted anew because its calls in a function left."""
    both = statement(1, 1_000_005, entries=2, nested_calls=5)
    one = statement(1, 1_000_003)
    later = statement(1, 1_000_010)
    assert calls(uses_of([both], [one], [later])) == {1: 7}


def test_windows_close_after_five_minutes() -> None:
    """An hour of them is kept."""
    answers = [[statement(1, 10 * n)] for n in range(40)]
    learned = uses_of(*answers, pace=100)
    assert len(learned.closed) == KEPT
    assert {window.seconds for window in learned.closed} == {300}
    assert [window[key(1)].calls for window in learned.closed] == [30] * KEPT
    hour = learned.over(timedelta(hours=1))
    assert hour is not None
    assert (hour.seconds, hour[key(1)].calls) == (3600, 360)
    last = uses_of(*answers[:-1], pace=100).over(WINDOW)
    assert last is not None
    assert (last.seconds, last.ended) == (500, AT + 3800)


def test_a_gap_is_a_window_of_its_own() -> None:
    learned = uses_of([statement(1, 0)], [statement(1, 80)], pace=4000)
    assert [window.seconds for window in learned.closed] == [4000]


def test_another_server_begins_anew() -> None:
    recorder = Recorder(wants=(STATEMENTS,))
    uses_of([statement(1, 5)], recorder=recorder)
    recorder.restart()
    assert uses_of([statement(1, 50)], recorder=recorder).over(WINDOW) is None


def test_what_was_handed_out_never_changes() -> None:
    recorder = Recorder(wants=(STATEMENTS,))
    learned = uses_of([statement(1, 5)], [statement(1, 9)], recorder=recorder)
    before = learned.over(WINDOW)
    recorder.record(stat_statements, Answer((statement(1, 50),), AT + 200))
    recorder.catch_up()
    assert learned.over(WINDOW) is before
    assert calls(learned) == {1: 4}


def test_what_the_extension_lacks_is_no_number() -> None:
    """No comparison with it is true."""
    [(_, use)] = (uses_of([statement(1, 1)], [statement(1, 2)]).over(WINDOW) or {}).items()
    assert isnan(use.jit_seconds)
    assert not use.jit_seconds > 0
    assert not use.jit_seconds <= 0


def test_packed_rows_teach_the_same() -> None:
    """Thousands of statements arrive as columns."""

    def rows(factor: int) -> list[Statement]:
        return [
            statement(n, n * factor, seconds=n / 7 * factor, **dict.fromkeys(ABSENT, 1.5))
            for n in range(600)
        ]

    def packed(factor: int) -> Columns[Statement]:
        names = Statement.__dataclass_fields__
        records = [{name: getattr(row, name) for name in names} for row in rows(factor)]
        return Columns(Statement, [block(Statement, records)])

    plain, columns = uses_of(rows(1), rows(2)), uses_of(packed(1), packed(2))
    assert plain.over(WINDOW) == columns.over(WINDOW)


def test_the_largest_come_first() -> None:
    use = Use(*range(len(COUNTERS)))
    numbers = [[value, value + n] for n, value in enumerate(use)]
    uses = Uses(0, 10, [key(1), key(2)], numbers)
    assert [one for one, _ in uses.top("seconds", 1)] == [key(2)]
    assert uses[key(1)] == use
    assert uses.own_seconds == uses.total("seconds") - uses.total("nested_seconds")
    assert added([uses, uses])[key(2)].calls == 2 * uses[key(2)].calls
