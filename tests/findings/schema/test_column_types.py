"""column_types: instants, amounts and padding; floats that measure are fine."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.schema.column_types import finding
from collectors._base import Absence
from collectors.questionable_columns import QuestionableColumn, questionable_columns
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = QuestionableColumn(
    datname="shop",
    relid=1,
    schemaname="public",
    relname="t",
    attname="at",
    type="timestamp without time zone",
    rows=1.0,
)


def test_what_is_told() -> None:
    for attname, type, state in (
        ("at", "timestamp without time zone", State.ill),
        ("at", "timestamp(3) without time zone", State.ill),
        ("opens", "time with time zone", State.ill),
        ("price", "money", State.ill),
        ("price", "double precision", State.ill),
        ("total_amount", "real", State.ill),
        ("weight", "double precision", State.healthy),
        ("total_weight", "real", State.healthy),
        ("country", "character(2)", State.ill),
    ):
        row = replace(ROW, attname=attname, type=type)
        verdict = verdict_of(finding, seen((questionable_columns, [row])))
        assert verdict.state is state, (attname, type)
        assert verdict.severity in (None, Severity.info)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={questionable_columns: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
