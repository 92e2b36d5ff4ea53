"""version_eol: planned a year before, a warning three months before."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.settings.version_eol import finding
from collectors._base import Absence
from collectors.server import server
from tests.findings.settings.test_version_minor_outdated import on
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


@pytest.mark.parametrize(
    ("day", "release", "severity"),
    [
        ("2026-11-10", 150020, None),
        ("2026-11-12", 150020, Severity.info),
        ("2027-08-12", 150020, Severity.info),
        ("2027-08-13", 150020, Severity.warning),
        ("2028-01-01", 150020, Severity.warning),
        ("2028-01-01", 190000, None),
    ],
)
def test_limits(day: str, release: int, severity: Severity | None) -> None:
    """A version that is newer than the table is not judged by it."""
    assert verdict_of(finding, on(day, release)).severity is severity


def test_it_says_when() -> None:
    [before] = verdict_of(finding, on("2027-11-01", 150020)).subjects
    [after] = verdict_of(finding, on("2027-11-20", 150020)).subjects
    assert "ends on 2027-11-11, in 10 days" in before.evidence.message
    assert "ended on 2027-11-11" in after.evidence.message


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={server: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
