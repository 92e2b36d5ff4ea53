"""constraint_not_valid: what waits for VALIDATE."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.migrations.constraint_not_valid import finding
from collectors._base import Absence
from collectors.unvalidated_constraints import UnvalidatedConstraint, unvalidated_constraints
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = UnvalidatedConstraint(
    datname="shop",
    constraint_oid=1,
    schemaname="public",
    relname="t",
    conname="c",
    contype="f",
    is_enforced=True,
    rows=10.0,
)


def test_only_what_can_be_validated() -> None:
    [subject] = verdict_of(finding, seen((unvalidated_constraints, [ROW]))).subjects
    assert subject.evidence.severity is Severity.warning
    idle = replace(ROW, is_enforced=False)
    assert verdict_of(finding, seen((unvalidated_constraints, [idle]))).state is State.healthy


def test_a_migration_has_a_day_for_its_second_step() -> None:
    assert finding.hold.total_seconds() == 86_400


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={unvalidated_constraints: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
