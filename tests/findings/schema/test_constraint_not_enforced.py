"""constraint_not_enforced: what checks nothing; NOT VALID is another matter."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.schema.constraint_not_enforced import finding
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
    is_enforced=False,
    rows=10.0,
)


def test_only_what_is_not_enforced() -> None:
    """A foreign key can be enforced in place; a check can't."""
    [subject] = verdict_of(finding, seen((unvalidated_constraints, [ROW]))).subjects
    assert subject.evidence.severity is Severity.info
    assert any("ALTER CONSTRAINT c ENFORCED" in line for line in subject.evidence.cure)
    check = replace(ROW, contype="c")
    [subject] = verdict_of(finding, seen((unvalidated_constraints, [check]))).subjects
    assert all(line.startswith("--") for line in subject.evidence.cure)
    pending = replace(ROW, is_enforced=True)
    assert verdict_of(finding, seen((unvalidated_constraints, [pending]))).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={unvalidated_constraints: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
