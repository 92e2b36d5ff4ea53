"""version_minor_outdated: two releases behind, or one for three months."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts._base import State
from alerts.findings.settings._releases import DATES, LATEST, missed
from alerts.findings.settings.version_minor_outdated import Limits, finding, judge
from alerts.snapshot import Snapshot
from collectors._base import Absence
from collectors.server import Server, server
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


def on(day: str, version: int) -> Snapshot:
    row = filled(Server, version_num=version, server_version=str(version), version="")
    at = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    return replace(seen((server, [row])), at=at)


@pytest.mark.parametrize(
    ("snapshot", "state"),
    [
        (on("2026-11-25", 180006), State.healthy),
        (on("2026-11-25", 180005), State.healthy),
        (on("2027-02-11", 180005), State.ill),
        (on("2026-11-25", 180004), State.ill),
        (on("2026-11-25", 150001), State.ill),
        (on("2026-11-25", 180009), State.healthy),
        (on("2026-11-25", 190000), State.healthy),
    ],
)
def test_limits(snapshot: Snapshot, state: State) -> None:
    """A server that is newer than the table is not outdated."""
    assert verdict_of(finding, snapshot).state is state


def test_every_major_version_has_the_newest_release() -> None:
    """One that has it has missed nothing; one less has missed the last day."""
    for major, minor in LATEST.items():
        assert missed(major * 10_000 + minor) == ()
        assert missed(major * 10_000 + minor - 1) == (DATES[-1],)
    assert len(missed(140000)) == LATEST[14]


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={server: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


def test_two_releases_or_three_months() -> None:
    """Each is enough alone."""
    early, late = on("2026-11-25", 180004), on("2027-02-11", 180005)
    for snapshot, limits, told in (
        (early, Limits(after=timedelta(days=9999)), True),
        (early, Limits(releases=9, after=timedelta(days=9999)), False),
        (late, Limits(releases=2), True),
        (late, Limits(after=timedelta(days=9999)), False),
    ):
        assert bool(list(judge(snapshot, limits))) is told
