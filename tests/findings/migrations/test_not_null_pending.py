"""not_null_pending: a check that proves what the column does not say."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.migrations.not_null_pending import finding
from collectors._base import Absence
from collectors.nullable_columns import NullableColumn, nullable_columns
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = NullableColumn(
    datname="shop",
    constraint_oid=1,
    schemaname="public",
    relname="t",
    conname="c",
    attname="a",
)


def test_the_last_two_steps() -> None:
    [subject] = verdict_of(finding, seen((nullable_columns, [ROW]))).subjects
    assert subject.evidence.severity is Severity.info
    assert subject.evidence.cure[-3:] == (
        "ALTER TABLE public.t ALTER COLUMN a SET NOT NULL;",
        "RESET lock_timeout;",
        "-- Only when that is done: ALTER TABLE public.t DROP CONSTRAINT c;",
    )


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={nullable_columns: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
