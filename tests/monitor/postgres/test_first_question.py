"""What goes wrong after the login, or in it: each has its own sentence and its own cure."""

from collections.abc import Sequence

import pytest

from alerts._base import Evidence, Severity, State
from collectors._base import Lane
from collectors.activity import activity
from collectors.connection import Cause
from collectors.replication import replication
from collectors.xmin_horizon import xmin_horizon
from monitor.address import Address
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.session import Session
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

CONTROL = "pg_control_system()"
LOGINS = """
    create role unable;
    create role outsider login password 'secret';
    create role loader login;
    alter role loader set session_preload_libraries = 'absent';
    create database empty;
    create database private;
    create database closed allow_connections false;
    revoke connect on database private from public;
    revoke connect on database postgres from public;
"""
REFUSALS = [
    ("nobody", "empty", Cause.no_role, "the role nobody does not exist there", "setup-sql"),
    (
        "unable",
        "empty",
        Cause.no_login,
        "the role unable may not log in",
        "ALTER ROLE unable LOGIN",
    ),
    ("outsider", "nonesuch", Cause.no_database, "does not exist", "Name another one"),
    ("outsider", "private", Cause.no_connect, "we lack CONNECT", "GRANT CONNECT"),
    ("outsider", "closed", Cause.database_closed, "takes no sessions", "ALLOW_CONNECTIONS"),
    ("loader", "empty", Cause.no_library, "can't be loaded", "loader RESET session_preload"),
]


@pytest.mark.versions(14, 18)
async def test_each_refused_login_has_its_own_sentence(
    private_server: PrivateServers, watch: Watch
) -> None:
    """A role or a database that is missing is no wrong password."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        for statement in LOGINS.strip().splitlines():
            await admin.execute(statement)
    for user, database, cause, sentence, cure in REFUSALS:
        watched = await watch(server.dsn(database, user=user))
        found = await found_ill(watched)
        assert found.facts["cause"] == cause
        assert sentence in found.message
        assert any(cure in line for line in found.cure), found.cure
        watched.schedule.stop()
        await watched.fleet.close()


SLOW_LOGIN = """
    create function wait() returns event_trigger language plpgsql
        as $$ begin perform pg_sleep(3); end $$;
    create event trigger slow on login execute function wait();
    alter event trigger slow enable always;
"""


@pytest.mark.versions(18)
async def test_a_refusal_in_one_database_is_told_once_the_other_has_answered(
    private_server: PrivateServers, watch: Watch
) -> None:
    """No CONNECT in postgres is no reason while the login in the address's database goes on."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database empty")
        await admin.execute("revoke connect on database postgres from public")
    async with connected(server.dsn("empty")) as admin:
        await admin.execute(SLOW_LOGIN)
    watched = await watch(server.dsn("empty", user=MONITOR))
    told = set()

    async def is_up() -> bool:
        told.add(watched.standing.cause if watched.standing else None)
        return await watched.is_up()

    await until(is_up, "the slow login has ended")
    assert not told & {Cause.no_connect}, told


@pytest.mark.versions(14, 18)
async def test_a_password_that_nobody_configured_is_no_wrong_one(
    private_server: PrivateServers, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server asks for one, and we have none; with a wrong one it is another sentence."""
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    server = private_server(loopback=True)
    host = f"127.0.0.1:{server.port}/postgres?sslmode=disable"
    found = await found_ill(await watch(f"postgresql://{MONITOR}@{host}"))
    assert found.facts["cause"] == Cause.no_password
    found = await found_ill(await watch(f"postgresql://{MONITOR}:wrong@{host}"))
    assert found.facts["cause"] == Cause.auth


@pytest.mark.versions(14, 18)
async def test_without_the_system_identifier_a_server_is_watched(
    private_server: PrivateServers, watch: Watch
) -> None:
    """EXECUTE was revoked: it is known which GRANT is missing, and all else is judged."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute(f"revoke execute on function {CONTROL} from public, pg_monitor")
    watched = await watch(server.dsn(user=MONITOR))
    await watched.until_seen()
    assert watched.verdict("server_unreachable").state is State.healthy
    granted = watched.server.privileges.server
    assert granted is not None
    missing = [granted.grant(one) for one, has in granted.granted.items() if not has]
    assert missing == [
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system(),"
        f" pg_catalog.pg_control_checkpoint() TO {MONITOR};"
    ]
    async with connected(server.dsn()) as admin:
        for statement in missing:
            await admin.execute(statement)
    session = watched.server.sessions.any
    assert session is not None
    assert session.identity.system_identifier is None
    again = await Session.open(Address.of(server.dsn(user=MONITOR), {}), None, 20, 60)
    assert again.identity.system_identifier
    await again.close()


@pytest.mark.versions(14, 18)
async def test_a_refused_first_question_is_no_refused_login(
    private_server: PrivateServers, watch: Watch
) -> None:
    """A function that it needs is revoked in every database."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("revoke execute on function pg_is_in_recovery() from public")
    found = await found_ill(await watch(server.dsn(user=MONITOR)))
    assert found.facts["cause"] == Cause.first_question
    assert "can log in, but its first query fails" in found.message
    assert "pg_is_in_recovery" in found.cure[0]


@pytest.mark.versions(14, 18)
async def test_a_locked_catalogue_is_no_refused_login(private_server: PrivateServers) -> None:
    """ACCESS EXCLUSIVE, as VACUUM FULL takes it: a session is had, and learns the rest later; or
    it is said that our question waits for a lock."""
    server = private_server()
    address = Address.of(server.dsn(user=MONITOR), {})
    async with connected(server.dsn()) as admin:
        await admin.execute("begin; lock table pg_catalog.pg_extension in access exclusive mode")
        session = await Session.open(address, None, 20, 60)
        assert session.identity.extensions is None
        await admin.execute("rollback")
        await session.learn_extensions(20)
        installed = session.identity.extension("plpgsql")
        assert installed
        assert installed.schema == "pg_catalog"
        await session.close()
        await admin.execute("begin; lock table pg_catalog.pg_namespace in access exclusive mode")
        with pytest.raises(ConnectFailure, match="lock") as raised:
            await Session.open(address, None, 20, 60)
        assert raised.value.cause is Cause.first_question


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("catalogue", ["pg_index", "pg_database"])
async def test_a_login_that_waits_for_a_catalogue_is_told_as_that(
    catalogue: str, private_server: PrivateServers, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can log in while it is locked; the warm session knows which lock, and who holds it."""
    monkeypatch.setattr("monitor.polling.slot_probe.PROBE", 0.0)
    server = private_server()
    async with connected(server.dsn()) as admin:
        watched = await watch(server.dsn(user=MONITOR), deadline="1s")
        await watched.until_seen()
        await admin.execute(f"begin; lock table pg_catalog.{catalogue} in access exclusive mode")
        found = await found_ill(watched)
        assert found.facts["cause"] == Cause.login_waits
        pid = admin.get_server_pid()
        assert f"a lock on {catalogue}, which the session with pid {pid} holds" in found.cure[0]


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("catalogue", ["pg_authid", "pg_database"])
async def test_sessions_are_seen_while_shared_names_are_locked(
    catalogue: str, private_server: PrivateServers, watch: Watch
) -> None:
    """VACUUM FULL of pg_authid: sessions and their locks are read as ever."""
    server = private_server()
    async with connected(server.dsn()) as admin, connected(server.dsn()) as other:
        watched = await watch(server.dsn(user=MONITOR))
        await watched.until_seen()
        await other.execute("select 1")
        await admin.execute(f"begin; lock table pg_catalog.{catalogue} in access exclusive mode")
        since = watched.server.clock.now()

        async def fresh() -> bool:
            statuses = [
                status
                for collector, _, status in watched.server.round_log.entries()
                if collector.name == "activity"
            ]
            return all((status.succeeded or 0) > since for status in statuses)

        await until(fresh, "sessions are read beside the lock")
        activity = next(c for c in watched.server.answers.newest if c.name == "activity")
        assert activity.lane is Lane.fast
        rows: Sequence[object] = watched.server.answers.newest[activity].rows
        assert {"postgres"} <= {getattr(row, "datname", None) for row in rows}
        assert {MONITOR, "postgres"} <= {getattr(row, "usename", None) for row in rows}


@pytest.mark.versions(14, 18)
async def test_walsenders_and_horizons_are_read_while_role_names_are_locked(
    private_server: PrivateServers, version: int
) -> None:
    """VACUUM FULL of pg_authid: their views would wait for it, their functions don't."""
    server = private_server()
    async with connected(server.dsn()) as admin, connected(server.dsn(user=MONITOR)) as ours:
        await admin.execute("select pg_create_physical_replication_slot('kept', true)")
        queries = [c.query(version * 10000) or "" for c in (activity, replication, xmin_horizon)]
        for query in queries:
            await ours.fetch(query)
        await admin.execute("begin; lock table pg_catalog.pg_authid in access exclusive mode")
        await ours.execute("set lock_timeout = '1s'")
        for query in queries:
            await ours.fetch(query)


async def found_ill(watched: Watched) -> Evidence:
    """What `server_unreachable` says, once it is ill."""

    async def is_ill() -> bool:
        verdicts = watched.server.judging.verdicts
        verdict = verdicts.get("server_unreachable")
        return bool(verdict and verdict.state is State.ill)

    await until(is_ill, "it is ill")
    [subject] = watched.verdict("server_unreachable").subjects
    assert subject.evidence.severity is Severity.critical
    return subject.evidence
