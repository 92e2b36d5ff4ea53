"""Which texts are asked for, what is kept of them, and that no value of theirs is shown."""

import pytest

from alerts.history.recorder import Recorder
from alerts.statements import texts as room
from alerts.statements.history import StatementUses
from alerts.statements.texts import STATEMENT_TEXTS, StatementTexts
from alerts.statements.wanted import AGAIN, BATCH, OF_EACH, wanted
from collectors._base import Answer
from collectors.statement_texts import StatementText, statement_texts
from tests.fixtures.statement_rows import AT, statement, uses_of


def taught(*answers: list[StatementText]) -> StatementTexts:
    recorder = Recorder(wants=(STATEMENT_TEXTS,))
    for number, rows in enumerate(answers):
        recorder.record(statement_texts, Answer(tuple(rows), AT + number))
        recorder.catch_up()
    learned = recorder.view(STATEMENT_TEXTS, AT)
    assert learned is not None
    return learned


def text(query_id: int, query: str | None = "select 1", is_cut: bool = False) -> StatementText:
    return StatementText(query_id, query, is_cut)


def test_texts_add_up() -> None:
    """An answer has the new ones only; one that was not there is remembered as such."""
    learned = taught([text(1, "select $1 + 4"), text(2, None)], [], [text(3), text(2, "begin")])
    assert {number: learned.shown(number) for number in (1, 2, 3, 4)} == {
        1: "select $1 + ?",
        2: "begin",
        3: "select ?",
        4: None,
    }
    assert taught([text(2, None)]).missing == {2: AT}


@pytest.mark.parametrize(
    ("query", "executed"),
    [
        ("prepare p as select n from t where n = 4", "select n from t where n = ?"),
        ('PREPARE "as" (int, numeric(4,2)) /* as */ AS\n(select 1)', "(select ?)"),
        ("prepare transaction 'it'", "prepare transaction …"),
        ("select prepare as it from t", "select prepare as it from t"),
    ],
)
def test_what_is_prepared_is_what_is_executed(query: str, executed: str) -> None:
    """Executions of a prepared statement are counted under the text of its PREPARE."""
    assert taught([text(1, query)]).shown(1) == executed


def test_no_value_is_shown() -> None:
    """PostgreSQL leaves the values of utility statements as they are."""
    secret = "hunter2"
    for query in (
        f"create role someone password '{secret}'",
        f"set app.token = '{secret}'",
        f"select * from t where a = '{secret}",
        f"copy t from program 'curl {secret}'",
        f"do $$ begin perform '{secret}'; end $$",
    ):
        assert secret not in (taught([text(1, query)]).shown(1) or "")


def test_what_was_read_first_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 3)
    rows = [text(number) for number in range(5)]
    assert list(taught(rows).known) == [2, 3, 4]
    assert list(taught(rows, [text(2)], [text(9)]).known) == [4, 2, 9]
    monkeypatch.setattr(room, "MOST_CHARACTERS", 100)
    assert list(taught([text(1, "a" * 300), text(2)]).known) == [2]


def test_what_matters_is_asked_for_first() -> None:
    """Lately, then since the last reset; never what is known or was not there an hour ago."""
    first = [statement(number, 1, seconds=number) for number in range(1, 1001)]
    second = [*first[:-990], statement(5, 100, seconds=50), *first[-990:]]
    uses = uses_of(first, second)
    asked = wanted(uses, second, StatementTexts(), AT)
    assert wanted(uses, second, StatementTexts(), AT, [5_000_000])[0] == 5_000_000
    assert asked[:3] == (5, 1000, 999)
    assert len(asked) == len(set(asked)) <= BATCH
    known = {5: room.KnownText("", False, ""), 1000: room.KnownText("", False, "")}
    missing = StatementTexts(known, {999: AT - AGAIN - 1, 998: AT - AGAIN + 1})
    assert wanted(uses, second, missing, AT)[:2] == (999, 997)
    small = wanted(StatementUses(), first[:OF_EACH], StatementTexts(), AT)
    assert set(small) == set(range(1, OF_EACH + 1))
