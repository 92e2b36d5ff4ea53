"""fk_duplicate: the same columns against the same key."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.schema.fk_duplicate import finding
from collectors._base import Absence
from collectors.duplicate_foreign_keys import DuplicateForeignKey, duplicate_foreign_keys
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = DuplicateForeignKey(
    datname="shop",
    relid=1,
    schemaname="public",
    relname="child",
    parent_schemaname="public",
    parent_relname="parent",
    connames=["a", "b"],
    are_equal=True,
)


def test_only_equal_ones_are_dropped() -> None:
    """The first, which is validated, stays."""
    [subject] = verdict_of(finding, seen((duplicate_foreign_keys, [ROW]))).subjects
    assert subject.evidence.severity is Severity.info
    drops = [line for line in subject.evidence.cure if line.startswith("ALTER")]
    assert drops == ["ALTER TABLE public.child DROP CONSTRAINT b;"]
    differ = replace(ROW, are_equal=False)
    [subject] = verdict_of(finding, seen((duplicate_foreign_keys, [differ]))).subjects
    assert all(line.startswith("--") for line in subject.evidence.cure)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={duplicate_foreign_keys: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
