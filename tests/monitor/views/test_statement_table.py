"""The table of statements: the largest first, each with its text, its costs and its trend."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS
from collectors._base import Absence, Answer
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import StatementText, statement_texts
from monitor.views.statements import SHOWN, StatementTable, statement_table
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement

WINDOW = 300.0


def shown(*answers: Sequence[Statement]) -> StatementTable:
    """What is shown after answers that came five minutes after each other."""
    recorder = Recorder(wants=(STATEMENTS, STATEMENT_TEXTS))
    texts = [StatementText(1, "select * from orders where id = $1 and note = 'x'", False)]
    recorder.record(statement_texts, Answer(tuple(texts), AT))
    recorder.catch_up()
    for number, rows in enumerate(answers):
        recorder.record(stat_statements, Answer(tuple(rows), AT + number * WINDOW))
        recorder.catch_up()
    snapshot: Snapshot = seen((stat_statements, answers[-1]))
    return statement_table(snapshot.with_histories(recorder.views(AT)))


def test_rows_and_their_numbers() -> None:
    first = [statement(1, 0), statement(2, 0)]
    second = [
        statement(1, 600, seconds=240.0, rows=1200, shared_blocks_hit=600, temp_blocks_written=10),
        statement(2, 300, seconds=60.0, wal_bytes=5000),
    ]
    table = shown(first, second)
    one, two = table.rows
    assert (one.query_id, one.user, one.database) == ("1", "app", "shop")
    assert one.text == "select * from orders where id = $1 and note = ?"
    assert (one.share, one.calls_per_second, one.mean_seconds) == (0.8, 2, 0.4)
    assert (one.rows_per_call, one.blocks_per_call, one.spilled_bytes) == (2, 1, 81920)
    assert (two.text, two.wal_bytes, two.share) == (None, 5000, 0.2)
    assert (table.seconds, table.sessions, table.others) == (WINDOW, 1, 0)


def test_the_trend_is_drawn() -> None:
    """One bar for each whole window, the highest full."""
    answers = [[statement(1, n, seconds=seconds)] for n, seconds in enumerate((0, 30, 30, 330))]
    [row] = shown(*answers).rows
    assert row.trend == pytest.approx((0.1, 0, 1))
    assert row.bars == "▁▁█"


def test_the_rest_is_counted() -> None:
    first = [statement(n, 0) for n in range(SHOWN + 7)]
    second = [statement(n, 1, seconds=1.0) for n in range(SHOWN + 7)]
    table = shown(first, second)
    assert (len(table.rows), table.others) == (SHOWN, 7)
    assert table.other_share == pytest.approx(7 / (SHOWN + 7))


def test_what_is_unknown_says_why() -> None:
    grant = "GRANT USAGE ON SCHEMA ext TO pgvigil;"
    blind = replace(seen(), absent={stat_statements: Absence("no USAGE", grant)})
    table = statement_table(blind)
    assert (table.grant, table.rows) == (grant, ())
    assert "no USAGE" in (table.unknown or "")
    assert "looked at once" in (shown([statement(1, 1)]).unknown or "")
