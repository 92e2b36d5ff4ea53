"""clock_skew: the difference between two clocks, less what the answer took."""

import pytest

from alerts._base import State
from alerts.findings.availability.clock_skew import finding
from alerts.verdicts.tracker import VerdictTracker
from collectors.rounds import Round, rounds
from collectors.server import Server, server
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database
from tests.fixtures.session_rows import AT, seen


@pytest.mark.parametrize(
    ("skew", "took", "state"),
    [
        (0.2, 0.1, State.healthy),
        (11.0, 0.1, State.ill),
        (-11.0, 0.1, State.ill),
        (-11.0, 3.0, State.healthy),
    ],
)
def test_what_the_answer_took_is_no_skew(skew: float, took: float, state: State) -> None:
    """A starved daemon gets it late."""
    row = filled(Server, postmaster_start=AT - 100, postmaster_seconds=100 + skew)
    own = filled(Round, collector="server", duration_seconds=took)
    snapshot = seen((server, (row,)), (rounds, (own,)))
    assert verdict_of(finding, snapshot).state is state


def test_it_has_to_hold() -> None:
    row = filled(Server, postmaster_start=AT - 100, postmaster_seconds=160.0)
    assert verdict_of(finding, seen((server, (row,))), VerdictTracker()).state is State.learning


@pytest.mark.versions(14, 18)
async def test_two_clocks_of_one_machine_agree(database: Database) -> None:
    """And one that is a minute behind does not."""
    async with watching(dsn=database.monitor_dsn) as session:
        right = await look(session, server)
        assert verdict_of(finding, right).state is State.healthy
        late = await look(session, server, at=right.at - 60)
    [subject] = verdict_of(finding, late).subjects
    assert "1 min" in subject.evidence.message
    assert "ahead of" in subject.evidence.message
