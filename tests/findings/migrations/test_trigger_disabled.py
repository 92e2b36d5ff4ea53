"""trigger_disabled: triggers of users, and those of constraints."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.migrations.trigger_disabled import finding
from collectors._base import Absence
from collectors.disabled_triggers import DisabledTrigger, disabled_triggers
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = DisabledTrigger(
    datname="shop",
    relid=1,
    schemaname="public",
    relname="t",
    tgname="audit",
    is_of_a_constraint=False,
    conname=None,
)


def test_what_is_not_done() -> None:
    [subject] = verdict_of(finding, seen((disabled_triggers, [ROW]))).subjects
    assert subject.evidence.severity is Severity.warning
    assert "what it does for each row is not done" in subject.evidence.message
    internal = replace(ROW, is_of_a_constraint=True, conname="fk")
    [subject] = verdict_of(finding, seen((disabled_triggers, [internal]))).subjects
    assert "the constraint is not checked" in subject.evidence.message


def test_a_bulk_load_has_an_hour() -> None:
    assert finding.hold.total_seconds() == 3600


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={disabled_triggers: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
