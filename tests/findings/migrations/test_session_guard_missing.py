"""session_guard_missing: a schema change that waited long, and roles that have a lock_timeout."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.migrations.session_guard_missing import Limits, finding
from alerts.history.memory import Memory, Namespace
from alerts.history.recorder import Recorder
from alerts.locks.ddl_waits import DDL_WAITS
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer, AnyCollector
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.role_settings import RoleSetting, role_settings
from collectors.settings import settings
from tests.fixtures.lock_rows import lock, session
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Psql
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.until import until
from tests.fixtures.wal_rows import given

DDL = session(7, usename="deploy", application_name="flyway", query=" ALTER TABLE orders ADD x int")
WAIT = lock(7, "relation", 10.0, mode="AccessExclusiveLock", schemaname="public", relname="orders")
DAY = 86400.0
Seen = tuple[float, Sequence[Session], Sequence[Lock]]


def judged(
    *looks: Seen, timeout: str = "0", own: Sequence[RoleSetting] = (), after: float = 0.0
) -> Verdict:
    """The verdict that long after these looks (seconds, sessions, locks)."""
    recorder = Recorder(wants=finding.history)
    for at, sessions, waits in looks or [(0.0, [DDL], [WAIT])]:
        recorder.record(activity, Answer(tuple(sessions), AT + at))
        recorder.record(locks, Answer(tuple(waits), AT + at))
        recorder.catch_up()
    snapshot = seen(
        (activity, []),
        (locks, []),
        (settings, given(lock_timeout=timeout)),
        (role_settings, own),
    )
    now = AT + after
    answers = {one: replace(answer, at=now) for one, answer in snapshot.answers.items()}
    later = replace(snapshot, at=now, answers=answers)
    return verdict_of(finding, later.with_histories(recorder.views(now)))


def test_a_wait_is_remembered_for_a_week() -> None:
    for after in (0.0, 7 * DAY):
        [subject] = judged(after=after).subjects
        assert subject.evidence.subject == "deploy in shop"
        assert "waited 10 s for public.orders" in subject.evidence.message
        assert subject.evidence.facts["statement"] == "ALTER TABLE orders ADD x int"
    assert judged(after=7 * DAY + 1).state is State.healthy


@pytest.mark.parametrize(
    ("of_session", "of_lock"),
    [
        ({}, {"waited_seconds": 9.9}),
        ({}, {"waited_seconds": None}),
        ({}, {"mode": "RowExclusiveLock"}),  # an UPDATE
        ({}, {"locktype": "transactionid"}),
        ({}, {"granted": True}),
        ({}, {"pid": None}),
        ({}, {"xact_start_text": "later"}),  # another transaction of that pid
        ({"query": "LOCK TABLE orders"}, {}),
        ({"query": None}, {}),
        ({"backend_type": "autovacuum worker"}, {}),
        ({"is_self": True}, {}),
        ({"state": "idle in transaction"}, {}),
        ({"usename": None}, {}),
        ({"datname": None}, {}),
    ],
    ids=str,
)
def test_what_is_no_long_wait_of_a_schema_change(
    of_session: dict[str, Any], of_lock: dict[str, Any]
) -> None:
    one = (0.0, [replace(DDL, **of_session)], [replace(WAIT, **of_lock)])
    assert judged(one).state is State.healthy


def test_the_longest_wait_is_told() -> None:
    short = replace(WAIT, waited_seconds=2.0, relname="items")
    longer = replace(WAIT, waited_seconds=20.0, relname="people")
    [subject] = judged((0, [DDL], [WAIT]), (1, [DDL], [longer]), (2, [DDL], [short])).subjects
    assert subject.evidence.value == 20.0
    assert subject.evidence.facts["relation"] == "public.people"
    again = judged((0, [DDL], [WAIT]), (DAY, [DDL], [short]), after=8 * DAY)
    assert again.state is State.ill, "the role was seen waiting since"


def test_a_restart_of_the_daemon_or_the_server_forgets_nothing() -> None:
    """It is in the state file; what is damaged there, or older than a month, is left out."""
    memory, place = Memory(), Namespace("7001", "db1", "activity")
    watched = DDL_WAITS.recorder(memory, place)
    watched.learn(activity, Answer((DDL,), AT))
    watched.learn(locks, Answer((WAIT,), AT))
    known = watched.view(AT)
    assert known.keys() == {("deploy", "shop")}
    watched.restart()
    assert watched.view(AT) == known
    stored: Any = json.loads(json.dumps(memory.everything()))
    assert len(stored) == 1
    read = Memory()
    read.restore((Namespace(*where), key, value) for where, key, value in stored)
    read.put(place.of("ddl_waits"), '["a"]', [1.0])
    read.put(place.of("ddl_waits"), "no key", [1.0, 1.0, "t", None, "x"])
    again = DDL_WAITS.recorder(read, place)
    assert again.view(AT) == known
    other = replace(DDL, usename="other")
    again.learn(activity, Answer((other,), AT))
    again.learn(locks, Answer((WAIT,), AT + 31 * DAY))
    assert again.view(AT).keys() == {("other", "shop")}
    assert read.get(place.of("ddl_waits"), '["deploy", "shop"]') is None


def test_roles_are_told_apart_and_the_oldest_are_forgotten() -> None:
    many = [replace(DDL, pid=n, usename=f"u{n}", xact_start_text=f"x{n}") for n in range(1, 212)]
    waits = [replace(WAIT, pid=n, xact_start_text=f"x{n}") for n in range(1, 212)]
    told = {one.evidence.facts["role"] for one in judged((0, many, waits)).subjects}
    assert len(told) == 200
    assert "u11" not in told
    assert "u12" in told


@pytest.mark.parametrize(
    ("rolname", "datname", "is_off", "state"),
    [
        ("deploy", "", False, State.healthy),
        ("", "shop", False, State.healthy),
        ("deploy", "shop", False, State.healthy),
        ("deploy", "shop", True, State.ill),
        ("deploy", "other", False, State.ill),
        ("app", "shop", False, State.ill),
    ],
)
def test_a_timeout_of_the_role_or_database(
    rolname: str, datname: str, is_off: bool, state: State
) -> None:
    own = RoleSetting(rolname, datname, "lock_timeout", is_off)
    assert judged(own=[own]).state is state
    assert judged(own=[replace(own, name="statement_timeout")]).state is State.ill


def test_a_timeout_of_the_server() -> None:
    assert judged(timeout="60000").state is State.healthy


def test_unknown() -> None:
    hidden = [replace(row, setting=None) for row in given(lock_timeout="0")]
    snapshot = seen((activity, []), (locks, []), (settings, hidden), (role_settings, []))
    recorder = Recorder(wants=finding.history)
    known = snapshot.with_histories(recorder.views(AT))
    assert verdict_of(finding, known).state is State.unknown
    without: tuple[AnyCollector, ...] = (settings, role_settings, locks)
    for collector in without:
        blind = replace(
            known,
            answers={one: rows for one, rows in known.answers.items() if one is not collector},
            absent={collector: Absence("refused")},
        )
        assert verdict_of(finding, blind).state is State.unknown


async def test_found_and_cured(stage: Stage, psql: Psql) -> None:
    """The printed statement gives sessions of that role and database a lock_timeout."""
    recorder, limits = Recorder(wants=finding.history), Limits(waited=timedelta(seconds=0.2))

    async def told() -> Verdict:
        async with watching(dsn=stage.database.monitor_dsn) as monitor:
            snapshot = await look(monitor, *finding.reads, activity, locks, recorder=recorder)
        return verdict_of(finding, snapshot, limits=limits)

    assert (await told()).state is State.healthy
    reader = await stage.holds("select count(*) from orders")
    await stage.waits("alter table orders add column note text")

    async def ill() -> Verdict | None:
        verdict = await told()
        return verdict if verdict.state is State.ill else None

    verdict = await until(ill, "its wait is long enough")
    await reader.execute("commit")
    await stage.all_done()
    assert verdict
    [subject] = verdict.subjects
    assert subject.evidence.facts["relation"] == "public.orders"
    await psql(stage.database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await told()).state is State.healthy
    fresh = await stage.database.session()
    assert await fresh.fetchval("show lock_timeout") == "5s"


def test_a_server_without_that_setting_is_unknown() -> None:
    """Such as a pooler, or a server that is not PostgreSQL's own."""
    hidden = [replace(row, setting=None) for row in given(lock_timeout="0")]
    for known in ([], hidden):
        snapshot = seen((activity, []), (locks, []), (settings, known), (role_settings, []))
        verdict = verdict_of(finding, snapshot.with_histories({DDL_WAITS: {}}))
        assert verdict.state is State.unknown
        assert "lock_timeout of the server is not known" in "".join(verdict.unjudged_by_reason())
