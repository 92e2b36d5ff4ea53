"""idle_in_transaction: how long the client is silent, and what that costs others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.locks import lock_exclusive_held
from alerts.findings.sessions.idle_in_transaction import Limits, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.mutes import Mute, Mutes
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import Session, activity
from collectors.exclusive_locks import exclusive_locks
from collectors.locks import locks
from collectors.user_tables import user_tables
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import AT, IDLE, OURS, seen
from tests.fixtures.until import until

AT_ONCE = Limits(
    silent=timedelta(0), silent_critical=timedelta(hours=1), silent_harmful=timedelta(0)
)
NEVER_ALONE = replace(AT_ONCE, silent=timedelta(hours=1))
BEGUN = "2026-01-01 00:10:00+00"


def open_transaction(seconds: float, state: str = "idle in transaction", **traits: Any) -> Session:
    given = {"xact_seconds": seconds, "xact_start_text": BEGUN, **traits}
    return replace(IDLE, state=state, state_seconds=seconds, **given)


def judged(*sessions: Session, mutes: Mutes | None = None) -> Verdict:
    return verdict_of(finding, seen((activity, (OURS, *sessions))), mutes=mutes)


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(299, None), (300, Severity.warning), (899, Severity.warning), (900, Severity.critical)],
)
def test_it_is_the_silence_that_counts(seconds: float, severity: Severity | None) -> None:
    """Five minutes are news, a quarter of an hour must be ended."""
    assert judged(open_transaction(seconds)).severity is severity


@pytest.mark.parametrize(
    ("other", "severity"),
    [
        ({"state": "active"}, None),
        ({"state": "idle in transaction"}, Severity.critical),
        ({"state": "active", "datname": "another"}, Severity.critical),
        ({"state": "active", "application_name": "web"}, Severity.critical),
    ],
)
def test_a_leader_whose_workers_copy_is_not_forgotten(
    other: dict[str, Any], severity: Severity | None
) -> None:
    """pg_dump --jobs: its first session only keeps the snapshot. A dump that hangs is silent."""
    leader = open_transaction(9999, application_name="pg_dump")
    worker = replace(leader, pid=2, state_seconds=1, **other)
    assert judged(leader, worker).severity is severity


@pytest.mark.parametrize(
    "harmless",
    [
        open_transaction(9999, state="active"),
        open_transaction(9999, state="idle"),
        replace(open_transaction(10), xact_seconds=99999),
        replace(open_transaction(9999), state=None),
    ],
    ids=["a long statement", "no transaction", "a busy old transaction", "state not known"],
)
def test_who_works_or_has_nothing_open_is_no_subject(harmless: Session) -> None:
    """An old transaction that is never silent is another illness."""
    assert judged(harmless).state is State.healthy


def test_a_state_that_is_not_told_is_unknown() -> None:
    """Without track_activities it may be silent in a transaction."""
    dark = replace(open_transaction(0), state="disabled", state_seconds=None, xact_seconds=None)
    verdict = judged(dark)
    assert verdict.state is State.unknown
    assert "track_activities is off in 1 session" in verdict.reason


async def test_a_silent_transaction_that_tells_nothing(database: Database) -> None:
    """It holds a lock, and is not called healthy."""
    session = await database.session()
    await session.execute("create table t (i int); set track_activities = off")
    await session.execute("begin; lock table t in access exclusive mode")
    async with watching(dsn=database.monitor_dsn) as connection:
        found = verdict_of(finding, await look(connection, activity, locks))
        assert [one.database for one in found.unjudged] == [database.name]
        held = await look(connection, exclusive_locks, user_tables)
        assert verdict_of(lock_exclusive_held.finding, held).state is State.unknown


def test_an_aborted_transaction_is_open_too() -> None:
    """It keeps its slot, and its locks until it ends."""
    assert judged(open_transaction(600, "idle in transaction (aborted)")).state is State.ill


def test_the_horizon_makes_a_minute_long_enough() -> None:
    """Enough transactions have passed for vacuum to be held back already."""
    old = open_transaction(60, xmin_age=100_000)
    assert "it holds back vacuum by 100,000 transactions" in only(judged(old)).message
    assert judged(replace(old, state_seconds=59)).state is State.healthy
    assert judged(replace(old, xmin_age=99_999)).state is State.healthy
    assert judged(replace(old, xmin_age=None)).state is State.healthy


def test_a_longer_limit_for_harm_never_delays_the_usual_one() -> None:
    """Whatever is configured, harm only shortens."""
    limits = replace(Limits(), silent_harmful=timedelta(hours=1))
    snapshot = seen((activity, [open_transaction(300, xmin_age=10**6)]))
    assert verdict_of(finding, snapshot, limits=limits).state is State.ill


def test_nobodys_values_are_shown() -> None:
    """The last statement is shown without them."""
    found = only(judged(open_transaction(600, query="UPDATE t SET pin = '4711' WHERE id = 7")))
    assert found.facts["last_statement"] == "UPDATE t SET pin = ? WHERE id = ?"


def test_the_key_is_the_session_and_not_its_pid() -> None:
    """A stranger with the same pid is another case."""
    one = only(judged(open_transaction(600)))
    other = only(judged(open_transaction(600, backend_start_text="2026-01-02 00:00:00+00")))
    assert one.subject == other.subject
    assert one.identity != other.identity


def test_a_user_can_be_muted() -> None:
    """By a pattern of the subject, which names database, user and application."""
    mutes = Mutes((Mute(finding.name, subject="shop: app *", why="a migration"),))
    assert judged(open_transaction(600), mutes=mutes).state is State.muted


def test_without_the_right_to_see_others_it_is_unknown() -> None:
    """And the grant is named."""
    blind = Snapshot(
        seen().node, AT, absent={activity: Absence("no right", "GRANT pg_monitor TO m;")}
    )
    verdict = verdict_of(finding, blind)
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].grant == "GRANT pg_monitor TO m;"


def ours(verdict: Verdict, database: Database) -> list[Evidence]:
    """On a server that other tests share, what was found in this database."""
    return [s.evidence for s in verdict.subjects if s.evidence.database == database.name]


async def test_story_of_a_silent_client(database: Database, paste: Psql) -> None:
    """Healthy, idle but without a transaction, silent, cured by its own cure, gone."""
    async with watching(dsn=database.monitor_dsn) as session:

        async def found() -> list[Evidence]:
            snapshot = await look(session, activity, locks)
            return ours(verdict_of(finding, snapshot, limits=AT_ONCE), database)

        client = await database.session(application_name="o'd\"d")
        await client.execute("SELECT 1")
        assert await found() == []
        await client.execute("BEGIN; CREATE TABLE unsaved ()")
        [evidence] = await found()
        assert evidence.facts["wrote"] is True
        assert evidence.facts["horizon_age_transactions"] is not None
        assert str(client.get_server_pid()) in await paste(database.dsn, evidence.check)
        await paste(database.dsn, "\n".join(evidence.cure))

        async def gone() -> bool:
            return await found() == []

        await until(gone, "the session is gone")
        assert await database.fetchval("SELECT to_regclass('unsaved')") is None


async def test_story_of_a_silent_client_that_somebody_waits_for(
    stage: Stage, database: Database, paste: Psql
) -> None:
    """Its silence counts sooner; when it ends, the victims go on."""
    await stage.holds("select 1")
    root = await stage.holds("lock table orders")
    await stage.waits("select from orders")
    await stage.waits("update orders set v = 1 where id = 1")
    async with watching(dsn=database.monitor_dsn) as session:
        snapshot = await look(session, activity, locks)
        [evidence] = ours(verdict_of(finding, snapshot, limits=NEVER_ALONE), database)
        assert evidence.facts["pid"] == root.get_server_pid()
        assert "2 sessions wait for it" in evidence.message
        await paste(database.dsn, "\n".join(evidence.cure))
        await stage.all_done()
        after = await look(session, activity, locks)
        assert ours(verdict_of(finding, after, limits=NEVER_ALONE), database) == []


async def test_the_cure_spares_whoever_came_later(database: Database, paste: Psql) -> None:
    """A stranger with the same pid, and the next transaction of the same session, live."""
    async with watching(dsn=database.monitor_dsn) as session:
        client = await database.session()
        await client.execute("BEGIN")
        snapshot = await look(session, activity)
        [evidence] = ours(verdict_of(finding, snapshot, limits=AT_ONCE), database)
        await client.execute("COMMIT; BEGIN")
        assert await paste(database.dsn, "\n".join(evidence.cure)) == ""
        assert await client.fetchval("SELECT 1") == 1


async def test_a_transaction_id_alone_holds_the_horizon(database: Database) -> None:
    """A writer without a snapshot is as old as its own id."""
    client = await database.session()
    await client.execute("BEGIN; CREATE TABLE mine ()")
    before = await _xmin_age(database, client.get_server_pid())
    for _ in range(3):
        await database.execute("CREATE TABLE theirs (); DROP TABLE theirs")
    assert before is not None
    assert (await _xmin_age(database, client.get_server_pid()) or 0) >= before + 3


async def _xmin_age(database: Database, pid: int) -> int | None:
    async with watching(dsn=database.monitor_dsn) as session:
        rows = (await look(session, activity)).rows(activity)
    [age] = [row.xmin_age for row in rows if row.pid == pid]
    return age
