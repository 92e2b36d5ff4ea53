"""active_session_overload: more sessions than cores, found, cancelled by the cure, and gone."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.waits.active_session_overload import Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from alerts.waits.history import STEP
from collectors._base import Absence
from collectors.activity import Session, activity
from collectors.processors import Processors, processors
from collectors.wait_times import WaitTime, wait_times
from tests.alerts.waits.looks import at_event, running, seen_for
from tests.fixtures.one_look import look, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

ROW = WaitTime("CPU", "CPU", 1.0)
FOUR = (processors, [Processors(4)])


def after(*rows: Session, seconds: int = 400) -> Snapshot:
    return seen_for(rows, (wait_times, [ROW]), FOUR, seconds=seconds)


def only(snapshot: Snapshot) -> Evidence:
    [subject] = verdict_of(finding, snapshot).subjects
    return subject.evidence


@pytest.mark.parametrize(
    ("wanting", "severity"),
    [(8, Severity.warning), (11, Severity.warning), (12, Severity.critical)],
)
def test_sessions_that_want_to_run_are_compared_with_the_cores(
    wanting: int, severity: Severity
) -> None:
    found = only(after(*running(wanting)))
    assert found.severity is severity
    assert found.value == pytest.approx(wanting / 4)
    assert f"{wanting}.0 sessions on average wanted to run on 4 cores" in found.message


def test_files_and_shared_memory_count_with_a_higher_limit() -> None:
    """Twenty sessions keep four cores or their volume more than busy."""
    mixed = [*running(2), *at_event("IO", "DataFileRead", 15), *at_event("LWLock", "WALWrite", 4)]
    found = only(after(*mixed))
    assert found.severity is Severity.warning
    assert found.facts["file_sessions"] == pytest.approx(15)


@pytest.mark.parametrize(
    "rows",
    [
        running(5),
        running(7),
        [*running(3), *at_event("Lock", "tuple", 60)],
        [*running(3), *at_event("Client", "ClientRead", 60)],
        [*running(3), *at_event("Timeout", "PgSleep", 60)],
        [*running(3), *at_event("IO", "DataFileRead", 12)],
    ],
    ids=["one more than cores", "few more", "locks", "clients", "sleep", "readers"],
)
def test_a_busy_server_is_healthy(rows: list[Session]) -> None:
    """All cores in use is what they were bought for."""
    assert verdict_of(finding, after(*rows)).state is State.healthy


def test_an_unknown_number_of_cores_is_not_healthy() -> None:
    """The setting is named; with it, cores that are seen do not matter."""
    snapshot = after(*running(8))
    answers = {one: answer for one, answer in snapshot.answers.items() if one is not processors}
    why = Absence("how many cores the server has is not known", setting="findings.x.cores")
    blind = replace(snapshot, answers=answers, absent={processors: why})
    verdict = verdict_of(finding, blind)
    assert (verdict.state, verdict.unjudged[0].setting) == (State.unknown, why.setting)
    assert verdict_of(finding, blind, limits=Limits(cores=2)).state is State.ill
    assert verdict_of(finding, snapshot, limits=Limits(cores=16)).state is State.healthy


def test_a_short_while_is_learning() -> None:
    assert verdict_of(finding, after(*running(1), seconds=200)).state is State.learning


class Hour:
    """Looks at a real server that are said to be ten seconds apart."""

    def __init__(self, database: Database) -> None:
        self.database, self.recorder = database, Recorder(finding.history)
        self.moments = count(0, 10)

    async def judged(self, limits: Limits) -> Verdict:
        """The verdict after enough looks for the window."""
        async with watching(dsn=self.database.monitor_dsn) as monitor:
            for _ in range(int(limits.window.total_seconds() / STEP) + 2):
                at = 1_700_000_000.0 + next(self.moments)
                seen = await look(monitor, activity, at=at, recorder=self.recorder)
        return verdict_of(finding, supplied(seen, wait_times, [ROW]), limits=limits)


@pytest.mark.versions(14, 18)
async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """Six sessions in an endless statement on what is said to be one core."""
    limits, hour = Limits(cores=1, window=timedelta(minutes=1)), Hour(database)
    assert (await hour.judged(limits)).state is State.healthy
    endless = "with recursive n(i) as (select 1 union all select i % 9 + 1 from n)"
    sessions = [await database.session(compute_query_id="on") for _ in range(6)]
    work = [asyncio.create_task(s.execute(endless + " select max(i) from n")) for s in sessions]
    counted = "select count(*) from pg_stat_activity where query like 'with recursive%'"
    await until(lambda: _is_six(database, counted), "six sessions work")
    [subject] = (await hour.judged(limits)).subjects
    assert subject.evidence.severity is Severity.critical
    assert subject.evidence.facts["largest_database"] == database.name
    pasted = "\n".join((subject.evidence.check, *subject.evidence.cure))
    await psql(database.dsn, pasted)
    ended = await asyncio.gather(*work, return_exceptions=True)
    assert {type(one).__name__ for one in ended} == {"QueryCanceledError"}
    assert (await hour.judged(limits)).state is State.healthy


async def _is_six(database: Database, counted: str) -> bool:
    return bool(await database.fetchval(counted) >= 6)
