"""wait_event_dominant: sessions in line for the same thing, not what is common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.waits.wait_event_dominant import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from alerts.waits.doing import Event
from collectors._base import Absence, Role
from collectors.activity import Session, activity
from collectors.wait_times import WaitTime, wait_times
from tests.alerts.waits.looks import at_event, running, seen_for
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, supplied, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

ROW = WaitTime("CPU", "CPU", 1.0)


def after(*rows: Session, seconds: int = 400, role: Role = Role.primary) -> Snapshot:
    return seen_for(rows, (wait_times, [ROW]), seconds=seconds, role=role)


def only(snapshot: Snapshot) -> Evidence:
    [subject] = verdict_of(finding, snapshot).subjects
    return subject.evidence


@pytest.mark.parametrize(
    ("event", "waiting", "others", "severity"),
    [
        (("LWLock", "LockManager"), 4, 2, Severity.warning),
        (("LWLock", "LockManager"), 4, 14, Severity.warning),
        (("LWLock", "BufferMapping"), 5, 3, Severity.warning),
        (("LWLock", "MultiXactMemberSLRU"), 13, 3, Severity.critical),
        (("LWLock", "SomethingNew"), 13, 3, Severity.critical),
        (("IO", "DataFileRead"), 8, 3, Severity.info),
        (("IO", "WALSync"), 30, 3, Severity.info),
        (("Lock", "extend"), 5, 1, Severity.warning),
    ],
    ids=str,
)
def test_a_line_for_one_thing_is_told(
    event: Event, waiting: int, others: int, severity: Severity
) -> None:
    found = only(after(*at_event(*event, waiting), *running(others)))
    assert (found.subject, found.severity) == (" ".join(event), severity)
    assert found.value == pytest.approx(waiting)
    assert f"{waiting}.0 of {waiting + others}.0 active sessions" in found.message


@pytest.mark.parametrize(
    ("event", "waiting", "others"),
    [
        (("CPU", "CPU"), 40, 0),
        (("Lock", "transactionid"), 40, 0),
        (("Lock", "tuple"), 40, 0),
        (("IPC", "SyncRep"), 40, 0),
        (("Client", "ClientRead"), 40, 0),
        (("Timeout", "PgSleep"), 40, 0),
        (("Timeout", "VacuumDelay"), 3, 0),
        (("IPC", "MessageQueueSend"), 40, 0),
        (("Extension", "Neon"), 40, 0),
        (("LWLock", "LockManager"), 2, 0),
        (("LWLock", "LockManager"), 4, 40),
        (("LWLock", "BufferMapping"), 4, 7),
        (("IO", "DataFileRead"), 4, 0),
    ],
    ids=str,
)
def test_what_is_common_or_told_elsewhere_is_not(event: Event, waiting: int, others: int) -> None:
    """Work, clients, sleep, parallel workers, few readers; locks have findings of their own."""
    snapshot = after(*at_event(*event, waiting), *running(others))
    assert verdict_of(finding, snapshot).state is State.healthy


def test_names_of_one_line_are_judged_together() -> None:
    """Since 18 one statement reads by several of them; other files are another line."""
    read = [*at_event("IO", "DataFileRead", 3), *at_event("IO", "AioIoCompletion", 4)]
    read = [replace(row, pid=3000 + n) for n, row in enumerate(read)]
    found = only(after(*read, *running(2)))
    assert found.subject == "IO AioIoCompletion"
    assert "7.0 of 9.0 active sessions (77.8 %) were at IO AioIoCompletion, DataFileRead: they" in (
        found.message
    )
    assert found.key == only(after(*at_event("IO", "DataFileRead", 7))).key
    other = [*read[:4], *at_event("IO", "DataFileWrite", 4)]
    assert verdict_of(finding, after(*other)).state is State.healthy
    locks = [*at_event("LWLock", "XidGen", 2), *at_event("LWLock", "OidGen", 2)]
    locks = [replace(row, pid=4000 + n) for n, row in enumerate(locks)]
    assert verdict_of(finding, after(*locks)).state is State.healthy


def test_sleeping_sessions_hide_no_line() -> None:
    """However many poll with pg_sleep; with as many at work the line is a small part."""
    line = at_event("LWLock", "WALWrite", 13)
    found = only(after(*line, *at_event("Timeout", "PgSleep", 200)))
    assert found.severity is Severity.info
    assert "13.0 of 13.0 active sessions" in found.message
    assert verdict_of(finding, after(*line, *running(200))).state is State.healthy


def test_the_statement_and_the_client_are_named() -> None:
    """Without its values."""
    waiting = at_event("LWLock", "LockManager", 5, query="select 1 from orders where id = 4711")
    found = only(after(*waiting, *running(2, application_name="batch", query_id=9)))
    assert "100 % of it by app (web) in shop, in one statement." in found.message
    assert found.facts["statement"] == "select ? from orders where id = ?"
    assert found.facts["query_id"] == "7"
    assert "4711" not in f"{found.cure}{found.message}"
    assert any("orders where id = ?" in line for line in found.cure)


def test_on_a_standby_subtransactions_are_the_primary_s() -> None:
    """Nothing that is done on the standby helps."""
    waiting = at_event("LWLock", "SubtransSLRU", 4)
    here, there = only(after(*waiting)), only(after(*waiting, role=Role.standby))
    assert "primary" not in " ".join(here.cure)
    assert "End that transaction on the primary" in " ".join(there.cure)


def test_a_short_while_is_learning() -> None:
    """Three minutes are no five."""
    verdict = verdict_of(finding, after(*at_event("LWLock", "LockManager", 1), seconds=180))
    assert verdict.state is State.learning


def test_what_is_not_seen_is_unknown() -> None:
    """A right that is missing hides the waits, and is named."""
    snapshot = after(*running(1))
    answers = {one: answer for one, answer in snapshot.answers.items() if one is not wait_times}
    why = Absence("no right", "GRANT pg_read_all_stats TO x;")
    blind = replace(snapshot, answers=answers, absent={wait_times: why, activity: why})
    verdict = verdict_of(finding, blind)
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].grant == "GRANT pg_read_all_stats TO x;"


STANDS_IN_LINE: dict[str, Any] = {"fsync": "on", "commit_delay": "100000", "commit_siblings": "0"}
"""Each flush of WAL waits for a tenth of a second, and all others wait for it."""


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql) -> None:
    """Ten sessions commit each row; then their role does not wait for WAL, as is advised."""
    server = private_server(**STANDS_IN_LINE)
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "create table t (n int); create role app login; grant insert on t to app"
        )
    recorder, moments = Recorder(finding.history), count(0, 10)
    limits = replace(finding.limits, window=timedelta(minutes=1))

    async def judged() -> Verdict:
        async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
            for _ in range(8):
                at = 1_700_000_000.0 + next(moments)
                snapshot = await look(monitor, activity, at=at, recorder=recorder)
        return verdict_of(finding, supplied(snapshot, wait_times, [ROW]), limits=limits)

    async def insert() -> None:
        async with connected(server.dsn(user="app")) as app:
            while True:
                await app.execute("insert into t values (1)")

    @asynccontextmanager
    async def ten() -> AsyncIterator[None]:
        tasks = [asyncio.create_task(insert()) for _ in range(10)]
        async with connected(server.dsn()) as admin:
            await until(lambda: _write(admin), "all write")
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert (await judged()).state is State.healthy
    async with ten():
        [subject] = (await judged()).subjects
        evidence = subject.evidence
        await psql(server.dsn(), "\n".join((evidence.check, *evidence.cure)))
    assert evidence.subject == "LWLock WALWrite"
    assert "set synchronous_commit = off for roles" in " ".join(evidence.cure)
    await psql(server.dsn(), "alter role app set synchronous_commit = off")
    async with ten():
        assert (await judged()).state is State.healthy


async def _write(admin: "asyncpg.Connection[asyncpg.Record]") -> bool:
    count = "select count(*) from pg_stat_activity where query like 'insert%' and usename = 'app'"
    return bool(await admin.fetchval(count) >= 10)
