"""connection_churn and connection_idle_excess: storms, churn, lost connections, idle ones."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.sessions import connection_churn, connection_idle_excess
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer
from collectors.activity import activity
from collectors.databases import Database as DatabaseRow
from collectors.databases import databases
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import Setting, settings
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import AT, seen, sessions

CHURN, IDLES = connection_churn.finding, connection_idle_excess.finding
HUNDRED = (settings, [Setting("max_connections", "100", None, "integer", "default", False, "")])


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


def with_history(snapshot: Snapshot, *rows: tuple[float, DatabaseRow]) -> Snapshot:
    """The snapshot after these answers of pg_stat_database, each at some seconds after `AT`."""
    recorder = Recorder(CHURN.history)
    for moment, row in rows:
        recorder.record(databases, Answer((row,), AT + moment))
    at = AT + max((moment for moment, _ in rows), default=0.0)
    known = {**snapshot.answers}
    if rows:
        known[databases] = Answer((rows[-1][1],), at)
    return replace(snapshot, at=at, answers=known, histories=recorder.views(at))


def opening(count: int, others: int = 10, **traits: object) -> Snapshot:
    young = sessions(count, 500, **{"backend_seconds": 4.0, **traits})
    return with_history(seen((activity, (*sessions(others), *young)), HUNDRED))


def test_a_storm_is_told_by_application() -> None:
    """A fifth of the slots within ten seconds; with little room left it is a warning."""
    found = only(verdict_of(CHURN, opening(20, application_name="cron")))
    assert found.severity is Severity.info
    assert (
        "20 connections were opened within ten seconds, 20 of them by app (cron)" in found.message
    )
    assert only(verdict_of(CHURN, opening(20, others=45))).severity is Severity.warning


@pytest.mark.parametrize(
    "snapshot",
    [
        opening(19),
        opening(40, backend_seconds=11.0),
        opening(40, backend_seconds=None),
        opening(40, backend_type="parallel worker"),
    ],
    ids=["fewer", "older", "unknown age", "workers"],
)
def test_what_is_no_storm(snapshot: Snapshot) -> None:
    assert verdict_of(CHURN, snapshot).state is State.healthy


def database(**counts: int) -> DatabaseRow:
    zero = dict.fromkeys(connection_churn.COUNTED, 0)
    made: DatabaseRow = filled(DatabaseRow, datname="shop", **{**zero, **counts})
    return made


@pytest.mark.parametrize(
    ("counts", "subject"),
    [
        ({"sessions": 12_000}, "connections to shop"),
        (
            {"sessions": 400, "sessions_abandoned": 90, "sessions_killed": 20},
            "lost connections of shop",
        ),
    ],
    ids=str,
)
def test_what_goes_on_for_ten_minutes(counts: dict[str, int], subject: str) -> None:
    snapshot = with_history(opening(0), (0, database()), (600, database(**counts)))
    assert only(verdict_of(CHURN, snapshot)).subject == subject


@pytest.mark.parametrize(
    ("counts", "seconds"),
    [
        ({"sessions": 11_000}, 600),
        ({"sessions": 12_000}, 300),
        ({"sessions": 99, "sessions_abandoned": 99}, 600),
        ({"sessions": 4000, "sessions_abandoned": 900}, 600),
    ],
    ids=str,
)
def test_what_is_common(counts: dict[str, int], seconds: float) -> None:
    """A website without a pool; too short a time; a deploy; some clients that vanish."""
    snapshot = with_history(opening(0), (0, database()), (seconds, database(**counts)))
    assert verdict_of(CHURN, snapshot).state is State.healthy


def test_idle_connections() -> None:
    """Half of those in use, where three fifths are in use; ours are none of them."""

    def state_of(idle: int, busy: int, idle_seconds: float = 700.0) -> Verdict:
        one = filled(CountedSession, datname="shop", backend_type="client backend", is_self=False)
        quiet = replace(one, state="idle", state_seconds=idle_seconds, usename="app")
        rows = [*[quiet] * idle, *[replace(one, state="active")] * busy]
        return verdict_of(IDLES, seen((session_counts, rows), HUNDRED))

    assert "40 of 65 connections in use" in only(state_of(40, 25)).message
    for healthy in (state_of(30, 35), state_of(50, 4), state_of(60, 0, 300.0)):
        assert healthy.state is State.healthy


def test_without_answers_they_are_unknown() -> None:
    blind = replace(seen(), absent={activity: Absence("refused"), session_counts: Absence("so")})
    assert verdict_of(CHURN, blind).state is State.unknown
    assert verdict_of(IDLES, blind).state is State.unknown


@pytest.mark.versions(14, 18)
async def test_found_and_over(database: Database, psql: Psql) -> None:
    """Eight sessions at once, of the few that are said to be allowed; then they are idle."""
    storm = connection_churn.Limits(storm=0.05)
    idles = connection_idle_excess.Limits(idle=timedelta(0), taken=0.01, share=0.2)

    async def judged() -> tuple[State, State, list[Evidence]]:
        async with watching(dsn=database.monitor_dsn) as monitor:
            recorder = Recorder(CHURN.history)
            asked = (activity, session_counts, settings, databases)
            seen = await look(monitor, *asked, recorder=recorder)
        rows = [row for row in seen.rows(activity) if row.application_name == "storm"]
        answer = replace(seen.answers[activity], rows=rows)
        here = replace(seen, answers={**seen.answers, activity: answer})
        one, other = (
            verdict_of(CHURN, here, limits=storm),
            verdict_of(IDLES, here, limits=idles),
        )
        found = [s.evidence for s in (*one.subjects, *other.subjects)]
        return one.state, other.state, found

    assert (await judged())[0] is State.healthy
    opened = [await database.session(application_name="storm") for _ in range(8)]
    first, second, found = await judged()
    assert (first, second) == (State.ill, State.ill)
    for evidence in found:
        await psql(database.dsn, "\n".join((evidence.check, *evidence.cure)))
    await asyncio.gather(*(session.close() for session in opened))
    assert (await judged())[0] is State.healthy
