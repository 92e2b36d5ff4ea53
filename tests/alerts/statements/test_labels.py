"""Texts in metrics: of statements that have series, and never with a value."""

from dataclasses import replace

from alerts.history.recorder import Recorder
from alerts.statements.labels import labels
from alerts.statements.texts import STATEMENT_TEXTS
from collectors._base import Answer
from collectors.stat_statements import stat_statements
from collectors.statement_labels import StatementLabel, statement_labels
from collectors.statement_texts import StatementText, statement_texts
from monitor.exposition.render import render
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement


def test_the_busiest_that_are_known() -> None:
    recorder = Recorder(wants=(STATEMENT_TEXTS,))
    known = [StatementText(n, f"select {n} from t where a = 'secret'", False) for n in range(90)]
    recorder.record(statement_texts, Answer(tuple(known), AT))
    recorder.catch_up()
    rows = [statement(n, seconds=float(n)) for n in range(100)]
    rows.append(replace(rows[99], userid=11))  # of another role
    snapshot = seen((stat_statements, rows)).with_histories(recorder.views(AT))
    found = list(labels(snapshot, 20))
    assert [one.query_id for one in found] == list(range(89, 75, -1))
    assert {one.query for one in found} == {"select ? from t where a = ?"}


def test_quotes_are_escaped() -> None:
    row = StatementLabel(7, 'select "a\\b" from t')
    _, samples = render(statement_labels, [row])["pg_stat_statements_query_id"]
    expected = r'pg_stat_statements_query_id{queryid="7",query="select \\"a\\\\b\\" from t"} 1'
    assert samples.decode().splitlines() == [expected.replace("\\\\", "\\")]
