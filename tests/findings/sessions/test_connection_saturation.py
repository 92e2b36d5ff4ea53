"""connection_saturation: of usable slots, of a role's limit, of a database's limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.sessions.connection_saturation import Limits, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import Session, activity
from collectors.databases import databases
from collectors.roles import DatabaseRole, roles
from collectors.settings import Setting, settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, PrivateServers, Psql, connected
from tests.fixtures.session_rows import IDLE, OURS, seen, sessions
from tests.fixtures.until import until

COLLECTORS = (activity, settings, roles, databases)


def setting(name: str, value: int) -> Setting:
    return Setting(name, str(value), None, "integer", "default", False, "")


def server(clients: tuple[Session, ...], limit: int = 105, *own: DatabaseRole) -> Snapshot:
    """A server with 100 usable slots, unless said otherwise."""
    configured = (
        setting("max_connections", limit),
        setting("superuser_reserved_connections", 3),
        setting("reserved_connections", 2),
    )
    return seen((activity, clients), (settings, configured), (roles, own), (databases, ()))


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


def test_below_the_limit_it_is_healthy() -> None:
    """74 of 100 are a busy day."""
    assert verdict_of(finding, server(sessions(74))).state is State.healthy


@pytest.mark.parametrize(
    ("taken", "severity"),
    [(75, Severity.warning), (89, Severity.warning), (90, Severity.critical)],
)
def test_three_quarters_are_a_warning_and_nine_tenths_critical(
    taken: int, severity: Severity
) -> None:
    """Of the slots that ordinary roles can have, not of max_connections."""
    found = only(verdict_of(finding, server(sessions(taken))))
    assert (found.severity, found.value) == (severity, taken / 100)


def test_what_takes_no_slot_is_not_counted() -> None:
    """WAL senders, parallel and background workers live elsewhere."""
    others = tuple(
        replace(IDLE, pid=900 + n, backend_type=kind)
        for n, kind in enumerate(["walsender", "parallel worker", "autovacuum worker", None] * 10)
    )
    assert verdict_of(finding, server(sessions(74) + others)).state is State.healthy


def test_the_evidence_names_the_biggest_group() -> None:
    """By user, application and state, with how many."""
    clients = sessions(50) + sessions(30, 500, usename="batch", state="active")
    found = only(verdict_of(finding, server(clients)))
    assert "80 of the 100 connections" in found.message
    assert "50 of them by app (web), idle" in found.message
    assert found.facts["active_connections"] == 30


def test_the_cure_ends_the_longest_idle_and_no_more_than_needed() -> None:
    """Back below the relaxed limit; of the biggest group first; never ours, never a busy one."""
    old = sessions(5, 300, state_seconds=9999)
    busy = sessions(30, 500, state="active") + sessions(5, 600, state="idle in transaction")
    clients = (OURS, *sessions(39), *old, *busy)
    [statement] = [s for s in only(verdict_of(finding, server(clients))).cure if s[:2] != "--"]
    ended = [pid for pid in range(1000) if f"({pid}, " in statement]
    assert len(ended) == 80 - 67
    assert set(range(300, 305)) <= set(ended)
    assert not set(ended) - set(range(100, 139)) - set(range(300, 305))


def test_nobody_idle_leaves_advice_alone() -> None:
    """A cure never ends work."""
    found = only(verdict_of(finding, server(sessions(80, state="active"))))
    assert all(line.startswith("--") for line in found.cure)


def test_raising_max_connections_is_the_last_advice() -> None:
    """The usual reflex costs a restart and memory, and hides the cause."""
    cure = only(verdict_of(finding, server(sessions(80)))).cure
    assert "max_connections" in cure[-1]
    assert not any("max_connections" in line for line in cure[:-1])


def role(limit: int, superuser: bool = False, name: str = "app") -> DatabaseRole:
    return DatabaseRole(name, limit, True, superuser, False)


def test_a_role_near_its_own_limit_is_a_subject() -> None:
    """Though the server has room."""
    found = only(verdict_of(finding, server(sessions(9), 105, role(10))))
    assert (found.subject, found.severity) == ("role app", Severity.critical)


@pytest.mark.parametrize(
    "harmless",
    [role(-1), role(10, superuser=True), role(2), role(20), role(10, name="other")],
    ids=["no limit", "superuser", "small on purpose", "room", "somebody else"],
)
def test_a_role_that_is_no_trouble_is_no_subject(harmless: DatabaseRole) -> None:
    """Limits bind no superuser; a limit of two is meant to be reached."""
    assert verdict_of(finding, server(sessions(9), 105, harmless)).state is State.healthy


def test_our_own_role_may_be_full_of_us() -> None:
    """The role of the monitor has a small limit, and uses it."""
    ours = tuple(replace(OURS, pid=pid, is_self=pid == 1) for pid in (1, 2, 3))
    watched = server(ours, 105, role(3, name="pgvigil"))
    assert verdict_of(finding, watched).state is State.healthy


def test_limits_that_are_not_known_are_not_healthy() -> None:
    """Without roles their limits are unjudged; the slots are judged all the same."""
    full = server(sessions(90))
    answers = {c: a for c, a in full.answers.items() if c is not roles}
    blind = replace(full, answers=answers, absent={roles: Absence("a timeout")})
    verdict = verdict_of(finding, blind)
    assert (verdict.state, only(verdict).subject) == (State.ill, "connection slots")
    assert [u.subject for u in verdict.unjudged] == ["limits of roles"]


def test_without_sessions_or_settings_it_is_unknown() -> None:
    """And says which right is missing."""
    blind = replace(
        seen((settings, ())), absent={activity: Absence("no right", "GRANT pg_monitor TO x;")}
    )
    verdict = verdict_of(finding, blind)
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].grant == "GRANT pg_monitor TO x;"


def test_the_case_lasts_until_it_is_well_below() -> None:
    """One client more or less makes no new alert."""
    relaxed = Limits().relax()
    assert relaxed.taken < Limits().taken
    assert relaxed.taken_critical < Limits().taken_critical


@asynccontextmanager
async def clients(
    dsn: str, count: int, application: str
) -> AsyncIterator[list[asyncpg.Connection]]:
    """Open that number of idle sessions."""
    opened: list[asyncpg.Connection] = []
    try:
        for _ in range(count):
            settings = {"application_name": application}
            opened.append(await asyncpg.connect(dsn, server_settings=settings))
        yield opened
    finally:
        for client in opened:
            client.terminate()
        await asyncio.sleep(0)


async def test_story_of_a_full_server(private_server: PrivateServers, paste: Psql) -> None:
    """Healthy, nearly ill, ill, cured by its own cure; seen over a session opened before."""
    reserved: dict[str, Any] = {"reserved_connections": 2} if private_server.version >= 16 else {}
    full = private_server(max_connections=23, superuser_reserved_connections=3, **reserved)
    usable = 23 - 3 - len(reserved) * 2
    async with connected(full.dsn()) as admin, watching(dsn=full.dsn(user=MONITOR)) as session:
        await admin.execute('CREATE ROLE "O\'Hara" LOGIN')

        async def judged() -> Verdict:
            return verdict_of(finding, await look(session, *COLLECTORS))

        async def taken() -> int:
            count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            return int(await admin.fetchval(count))

        assert (await judged()).state is State.healthy
        dsn = full.dsn(user="O'Hara")
        nearly = int(usable * 0.75) - 2 - (usable * 0.75 == int(usable * 0.75))
        async with clients(dsn, nearly, 'we"b') as some:
            assert (await judged()).state is State.healthy
            async with clients(dsn, usable - 2 - nearly, 'we"b') as more:
                await some[0].execute("BEGIN")
                verdict = await judged()
                found = only(verdict)
                assert (found.severity, found.value) == (Severity.critical, 1.0)
                assert "O'Hara (we\"b), idle" in found.message
                for line in found.cure:
                    await paste(full.dsn(), line)

                async def well() -> bool:
                    return (await judged()).state is State.healthy

                await until(well, "the sessions are gone")
                assert await taken() >= usable * 0.5, "no more than needed were ended"
                assert await some[0].fetchval("SELECT 1") == 1, "the transaction lives"
                assert any(client.is_closed() for client in (*some, *more))


async def test_story_of_a_role_and_of_a_database(database: Database, paste: Psql) -> None:
    """Each limit is a subject of its own; each is found and cured."""
    name = f"limited_{database.name}"
    await database.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 4")
    await database.execute(f'ALTER DATABASE "{database.name}" CONNECTION LIMIT 20')
    dsn = database.server.dsn(database.name, name)
    async with watching(dsn=database.server.dsn(user=MONITOR)) as session:

        async def subjects() -> set[str]:
            verdict = verdict_of(finding, await look(session, *COLLECTORS))
            return {s.evidence.subject for s in verdict.subjects}

        ours = {f"role {name}", f"database {database.name}"}
        assert not ours & await subjects()
        async with clients(dsn, 4, "web"), clients(database.dsn, 14, "batch"):
            verdict = verdict_of(finding, await look(session, *COLLECTORS))
            found = {s.evidence.subject: s.evidence for s in verdict.subjects}
            assert found.keys() & ours == ours
            assert found[f"database {database.name}"].database == database.name
            for subject in ours:
                await paste(database.dsn, "\n".join(found[subject].cure))

            async def gone() -> bool:
                return not ours & await subjects()

            await until(gone, "both limits have room again")
    await database.execute(f"DROP ROLE {name}")


async def test_a_session_that_works_again_is_spared(database: Database, paste: Psql) -> None:
    """Between the look and the cure it began a statement, or its pid went to a stranger."""
    await database.execute(f'ALTER DATABASE "{database.name}" CONNECTION LIMIT 4')
    monitor = database.server.dsn(user=MONITOR)
    async with watching(dsn=monitor) as session, clients(database.dsn, 3, "web") as idle:
        verdict = verdict_of(finding, await look(session, *COLLECTORS))
        [found] = [
            s.evidence
            for s in verdict.subjects
            if s.evidence.subject == f"database {database.name}"
        ]
        [statement] = [line for line in found.cure if line[:2] != "--"]
        for client in idle:
            await client.execute("BEGIN")
        assert await paste(database.dsn, statement) == ""
        for client in idle:
            await client.execute("COMMIT")
        stranger = statement.replace(", '20", ", '19")
        assert stranger != statement
        assert await paste(database.dsn, stranger) == ""
        assert [await client.fetchval("SELECT 1") for client in idle] == [1, 1, 1]
