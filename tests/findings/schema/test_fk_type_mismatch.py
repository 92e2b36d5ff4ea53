"""fk_type_mismatch: too small for the key, or merely different."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.schema.fk_type_mismatch import finding
from collectors._base import Absence
from collectors.foreign_key_types import ForeignKeyType, foreign_key_types
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = ForeignKeyType(
    datname="shop",
    constraint_oid=1,
    schemaname="public",
    relname="child",
    conname="fk",
    attname="a",
    type="integer",
    parent_schemaname="public",
    parent_relname="parent",
    parent_attname="id",
    parent_type="bigint",
)


def test_what_overflows_is_a_warning() -> None:
    for row, severity in (
        (ROW, Severity.warning),
        (replace(ROW, type="bigint", parent_type="integer"), Severity.info),
        (replace(ROW, type="numeric"), Severity.info),
        (replace(ROW, type="smallint", parent_type="integer"), Severity.warning),
    ):
        assert verdict_of(finding, seen((foreign_key_types, [row]))).severity is severity


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={foreign_key_types: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
