"""collation_version_mismatch: rebuild first, refresh last."""

from dataclasses import replace

from alerts._base import Severity, State
from alerts.findings.schema.collation_version_mismatch import finding
from collectors._base import Absence
from collectors.changed_collations import ChangedCollation, changed_collations
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

ROW = ChangedCollation(
    datname="shop",
    schemaname="public",
    collname="de",
    recorded="1",
    actual="2",
    indexes=1,
    unique_indexes=0,
    names=["public.i"],
)


def test_unique_indexes_are_critical() -> None:
    """The statements are in that order; of many indexes there is advice alone."""
    [subject] = verdict_of(finding, seen((changed_collations, [ROW]))).subjects
    assert subject.evidence.severity is Severity.warning
    assert subject.evidence.cure[-2:] == (
        "REINDEX INDEX CONCURRENTLY public.i;",
        "-- Only when each of them was rebuilt: ALTER COLLATION public.de REFRESH VERSION;",
    )
    unique = replace(ROW, unique_indexes=1)
    assert verdict_of(finding, seen((changed_collations, [unique]))).severity is Severity.critical
    many = replace(ROW, indexes=6, schemaname="", collname="")
    [subject] = verdict_of(finding, seen((changed_collations, [many]))).subjects
    assert subject.evidence.subject == "shop"
    assert all(line.startswith("--") for line in subject.evidence.cure)


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={changed_collations: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
