"""A real pooler made ill, found, and cured by its own printed cure."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.findings.pooler.pooler_churn import Limits as ChurnLimits
from alerts.findings.pooler.pooler_churn import finding as churn
from alerts.findings.pooler.pooler_churn import opened_lately
from alerts.findings.pooler.pooler_client_limit import finding as client_limit
from alerts.findings.pooler.pooler_clients_waiting import Limits as WaitingLimits
from alerts.findings.pooler.pooler_clients_waiting import finding as clients_waiting
from alerts.findings.pooler.pooler_login_failures import finding as login_failures
from alerts.findings.pooler.pooler_oversubscribed import finding as oversubscribed
from alerts.findings.pooler.pooler_paused import finding as paused
from alerts.findings.pooler.pooler_prepared_statements import finding as prepared
from alerts.findings.pooler.pooler_reserve_in_use import finding as reserve
from alerts.findings.pooler.pooler_saturated import finding as saturated
from alerts.findings.pooler.pooler_session_mode import finding as session_mode
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer
from collectors.activity import activity
from collectors.pooler_log import pooler_log
from collectors.pooler_pools import pooler_pools
from collectors.pooler_routes import PoolerRoute, pooler_routes
from collectors.pooler_servers import pooler_servers
from collectors.pooler_version import pooler_version
from collectors.settings import settings
from monitor.pgbouncer.log_watch import PoolerLogBook
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look as look_at_server
from tests.fixtures.one_look import verdict_of, watching
from tests.fixtures.pooler import ADMIN, Pooler, Poolers, behind
from tests.fixtures.pooler_rows import look
from tests.fixtures.postgres import Database, PrivateServers, Psql
from tests.fixtures.postgres import connected as superuser
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(18)
SOON = timedelta(milliseconds=200)


async def follow(pool: Pooler, evidence: Evidence, psql: Psql) -> None:
    """Do what the cure prints: lines into the ini file, commands pasted into psql."""
    section, place = pool.databases, ""
    for line in evidence.cure:
        if "in the line of" in line:
            section = pool.users if "[users]" in line else pool.databases
            place = line.partition("in the line of ")[2].removesuffix(":")
        elif line.startswith("--   ") and " = " in line:
            name, value = line.removeprefix("--   ").split(" = ")
            pool.settings[name] = value
        elif line.startswith("--   "):
            name, value = line.removeprefix("--   ").split("=")
            kept = [one for one in section[place].split() if not one.startswith(name)]
            section[place] = " ".join([*kept, f"{name}={value}"])
    pool.write()
    await psql(pool.dsn(user=ADMIN), "\n".join(evidence.cure))


async def judged(pool: Pooler, finding: AnyFinding, limits: BaseLimits | None = None) -> Verdict:
    return verdict_of(finding, await look(pool), limits=limits)


async def found(pool: Pooler, finding: AnyFinding, limits: BaseLimits | None = None) -> Evidence:
    """The only ill subject, once there is one."""

    async def ill() -> Verdict | None:
        verdict = await judged(pool, finding, limits)
        return verdict if verdict.subjects else None

    verdict = await until(ill, f"{finding.name} is found")
    assert verdict is not None
    [subject] = verdict.subjects
    return subject.evidence


async def until_well(pool: Pooler, finding: AnyFinding, limits: BaseLimits | None = None) -> None:
    async def well() -> bool:
        return (await judged(pool, finding, limits)).state is State.healthy

    await until(well, f"{finding.name} is gone")


async def test_a_pool_that_is_too_small(pooler: Poolers, database: Database, psql: Psql) -> None:
    """In use, waited for, its reserve opened; enlarged by the cures while clients stay."""
    pool = await pooler(
        {"shop": behind(database)},
        pool_mode="transaction",
        default_pool_size=1,
        reserve_pool_size=0,
        reserve_pool_timeout=0,
    )
    limits = WaitingLimits(wait=SOON)
    assert (await judged(pool, clients_waiting, limits)).state is State.healthy
    async with pool.client("shop") as first, pool.client("shop") as second:
        await first.execute("begin")
        await first.execute("select 1")
        waiting = asyncio.create_task(second.execute("begin"))
        evidence = await found(pool, clients_waiting, limits)
        assert evidence.subject == "shop/postgres"
        assert evidence.facts["waiting_clients"] == 1
        await follow(pool, evidence, psql)
        await waiting
        await until_well(pool, clients_waiting, limits)
        # The pool is full now: two of two are in use.
        pool.write(default_pool_size=1, reserve_pool_size=1)
        await pool.command("RELOAD")
        evidence = await found(pool, reserve)
        assert evidence.facts["active_connections"] == 2
        await follow(pool, evidence, psql)
        await until_well(pool, reserve)
        for client in (first, second):
            await client.execute("rollback")


async def test_a_pool_that_is_used_up(pooler: Poolers, database: Database, psql: Psql) -> None:
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction", default_pool_size=4)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(pool.client("shop")) for _ in range(4)]
        for client in clients:
            await client.execute("begin")
        evidence = await found(pool, saturated)
        assert evidence.facts["active_connections"] == 4
        await follow(pool, evidence, psql)
        await until_well(pool, saturated)


@pytest.mark.parametrize(
    ("line", "limits", "told"),
    [
        ("", {"max_db_connections": 1}, "database shop has all 1 that max_db_connections allows"),
        (" max_db_connections=1", {}, "database shop has all 1 that max_db_connections allows"),
        ("", {"max_user_connections": 1}, "user postgres has all 1 that max_user_connections"),
        (" pool_size=1", {}, "1 of 1 connection is in use."),
        (" pool_size=1", {"max_db_connections": 1}, "database shop has all 1 that"),
    ],
)
async def test_the_limit_that_is_reached(
    pooler: Poolers,
    database: Database,
    psql: Psql,
    line: str,
    limits: dict[str, int],
    told: str,
) -> None:
    """The cure raises what keeps clients waiting, which a larger default would not."""
    pool = await pooler({"shop": behind(database) + line}, pool_mode="transaction", **limits)
    soon = WaitingLimits(wait=SOON)
    async with pool.client("shop") as first, pool.client("shop") as second:
        await first.execute("begin")
        await first.execute("select 1")
        waiting = asyncio.create_task(second.execute("begin"))
        evidence = await found(pool, clients_waiting, soon)
        assert told in evidence.message
        await follow(pool, evidence, psql)
        await waiting
        await until_well(pool, clients_waiting, soon)


async def test_a_limit_that_other_pools_have_used_up(
    pooler: Poolers, private_server: PrivateServers, psql: Psql
) -> None:
    """A pool without any connection waits for the limit, and not for an answer of its server."""
    server = private_server()
    async with superuser(server.dsn()) as owner:
        await owner.execute(f"create role app login; create role {ADMIN} login")
    line = f"host={server.folder} port={server.port} dbname=postgres"
    pool = await pooler({"shop": line}, pool_mode="transaction", max_db_connections=1)

    async def served() -> None:
        async with pool.client("shop", ADMIN) as late:
            await late.execute("select 1")

    async with pool.client("shop") as first:
        await first.execute("begin")
        await first.execute("select 1")
        waiting = asyncio.create_task(served())
        evidence = await found(pool, login_failures)
        assert evidence.subject == f"shop/{ADMIN}"
        assert "database shop has all 1 that max_db_connections allows" in evidence.message
        await follow(pool, evidence, psql)
        await waiting


async def test_a_size_of_its_own_is_enlarged(
    pooler: Poolers, database: Database, psql: Psql
) -> None:
    """A default counts for nothing beside it."""
    line = f"{behind(database)} pool_size=4"
    pool = await pooler({"shop": line}, pool_mode="transaction", default_pool_size=9)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            client = await stack.enter_async_context(pool.client("shop"))
            await client.execute("begin")
        await follow(pool, await found(pool, saturated), psql)
        await until_well(pool, saturated)


async def test_limits_of_a_user(pooler: Poolers, database: Database, psql: Psql) -> None:
    """What a user has of its own counts first, where the version has and tells it."""
    pool = await pooler(
        {"shop": behind(database)},
        pool_mode="transaction",
        default_pool_size=4,
        reserve_pool_size=2,
    )
    version = (await look(pool)).row(pooler_version).number
    assert version
    if version < (1, 24):
        return  # users have no pool_size there
    pool.users["postgres"] = "pool_size=20 max_user_connections=7"
    pool.write()
    await pool.command("RELOAD")
    soon = WaitingLimits(wait=SOON)
    async with AsyncExitStack() as stack:
        for _ in range(7):
            client = await stack.enter_async_context(pool.client("shop"))
            await client.execute("begin")
        for finding in (saturated, reserve, clients_waiting):
            assert (await judged(pool, finding)).subjects == ()
        late = await stack.enter_async_context(pool.client("shop"))
        waiting = asyncio.create_task(late.execute("begin"))
        evidence = await found(pool, clients_waiting, soon)
        assert "user postgres has all 7 that max_user_connections allows" in evidence.message
        await follow(pool, evidence, psql)
        await waiting
        await until_well(pool, clients_waiting, soon)
        pool.users["postgres"] = "pool_size=8"
        pool.write()
        await pool.command("RELOAD")
        await follow(pool, await found(pool, saturated), psql)
        await until_well(pool, saturated)


async def test_waiting_behind_idle_transactions(pooler: Poolers, database: Database) -> None:
    """What the pool's connections do on the server is told beside those who wait."""
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction", default_pool_size=1)
    limits = WaitingLimits(wait=SOON)
    async with pool.client("shop") as first, pool.client("shop") as second:
        await first.execute("begin")
        waiting = asyncio.create_task(second.execute("begin"))
        await found(pool, clients_waiting, limits)
        server = await seen_server(database)
        snapshot = replace(await look(pool), peers=(server,))
        [subject] = verdict_of(clients_waiting, snapshot, limits=limits).subjects
        assert subject.evidence.facts["idle_in_transaction"] == 1
        await first.execute("rollback")
        await waiting


async def seen_server(database: Database) -> Snapshot:
    async with watching(dsn=database.server.dsn("postgres", MONITOR)) as connection:
        return await look_at_server(connection, settings, activity)


async def test_paused(pooler: Poolers, database: Database, psql: Psql) -> None:
    """One database, whose clients wait, and where the version tells it the pooler as a whole."""
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction")
    async with pool.client("shop") as client:
        await client.execute("select 1")
        await pool.command("PAUSE shop")
        waiting = asyncio.create_task(client.execute("select 1"))
        evidence = await found(pool, paused)
        assert evidence.subject == "shop"
        assert (await judged(pool, clients_waiting, WaitingLimits(wait=SOON))).subjects == ()
        assert (await judged(pool, login_failures)).subjects == ()
        await follow(pool, evidence, psql)
        await waiting
        await until_well(pool, paused)
        await pool.command("PAUSE")
        if (await pool.command("SHOW VERSION"))[0]["version"] != "PgBouncer 1.18.0":
            await follow(pool, await found(pool, paused), psql)
            await until_well(pool, paused)


async def test_no_login_to_the_server(pooler: Poolers, database: Database) -> None:
    """Something accepts the connection and never answers."""
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    line = f"host=127.0.0.1 port={port} dbname=x user=postgres"
    pool = await pooler({"shop": line}, server_connect_timeout=2, server_login_retry=1)
    client = asyncio.create_task(connected(pool))
    evidence = await found(pool, login_failures)
    assert evidence.facts["waiting_clients"] == 1
    assert f"127.0.0.1:{port}" in evidence.message
    pool.databases["shop"] = behind(database)
    pool.write()
    await pool.command("RELOAD")
    silent.close()
    await asyncio.gather(client, return_exceptions=True)

    async def is_let_in() -> bool:
        with suppress(asyncpg.PostgresError):
            await connected(pool)
            return True
        return False

    await until(is_let_in, "the server lets the pooler in")

    async def is_gone() -> bool:
        return not (await judged(pool, login_failures)).subjects

    await until(is_gone, "its failures are gone")


async def test_refused_logins_in_its_log(pooler: Poolers, database: Database) -> None:
    """Of the pool at its server and of clients at the pooler; gone once the cure is followed."""
    server = database.server
    line = f"host={server.folder} port={server.port} dbname={database.name} user=nobody_here"
    pool = await pooler({"shop": line}, server_login_retry=1)
    book = PoolerLogBook.of(pool.program.log, Memory(), "pool")
    began = time.time()
    book.read(began - 600)

    async def seen(later: float = 0.0) -> Snapshot:
        known = await look(pool, at=began + later)
        log = Answer((book.read(began + later),), began + later)
        return replace(known, answers={**known.answers, pooler_log: log})

    async def refused_again() -> Verdict | None:
        with suppress(asyncpg.PostgresError):
            await connected(pool)
        verdict = verdict_of(login_failures, await seen())
        return verdict if verdict.subjects else None

    verdict = await until(refused_again, "it was refused twice")
    assert verdict is not None
    [subject] = verdict.subjects
    assert subject.evidence.subject == "shop/nobody_here"
    assert subject.evidence.facts["cause"] == "missing"
    assert subject.evidence.severity is Severity.critical
    pool.databases["shop"] = behind(database)
    pool.write()
    await pool.command("RELOAD")
    for _ in range(20):
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(
                host=str(pool.folder),
                port=pool.port,
                user="app",
                password="wrong",
                database="shop",
                timeout=60,
            )
    await connected(pool)
    [clients] = verdict_of(login_failures, await seen(later=130)).subjects
    assert clients.evidence.subject == "clients: password"
    assert clients.evidence.facts["refused_logins"] == 20
    assert verdict_of(login_failures, await seen(later=440)).state is State.healthy


async def connected(pool: Pooler) -> None:
    async with pool.client("shop") as client:
        await client.execute("select 1")


async def test_as_many_clients_as_it_takes(pooler: Poolers, database: Database, psql: Psql) -> None:
    pool = await pooler({"shop": behind(database)}, max_client_conn=5)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(pool.client("shop"))
        evidence = await found(pool, client_limit)
        assert evidence.facts["max_clients"] == 5
        await follow(pool, evidence, psql)
        await until_well(pool, client_limit)


@pytest.mark.parametrize(
    ("line", "most"),
    [("", 5000), (" pool_size=6000", 6000), (" pool_size=6000 max_db_connections=4000", 4000)],
)
async def test_more_than_the_server_has(
    pooler: Poolers, database: Database, psql: Psql, line: str, most: int
) -> None:
    """Also where the database says its size, or its limit, for itself."""
    pool = await pooler({"shop": behind(database) + line}, default_pool_size=5000)
    server = replace(await seen_server(database), node=ServerIdentity("db"))

    async def seen() -> Snapshot:
        known = await look(pool, peers=(server,))
        route = Answer((PoolerRoute("shop", "db"),), known.at)
        return replace(known, answers={**known.answers, pooler_routes: route})

    async with pool.client("shop"):
        snapshot = await seen()
        [subject] = verdict_of(oversubscribed, snapshot).subjects
        assert subject.evidence.facts["connections_at_most"] == most
        await follow(pool, subject.evidence, psql)
        assert verdict_of(oversubscribed, await seen()).state is State.healthy


@pytest.mark.parametrize("by", ["all", "databases", "users"])
async def test_sessions_that_idle(pooler: Poolers, database: Database, psql: Psql, by: str) -> None:
    """The cure changes the mode where it is said: for all, of the database or of the user."""
    own = " pool_mode=session" if by == "databases" else ""
    mode = "session" if by == "all" else "transaction"
    pool = await pooler({"shop": behind(database) + own}, pool_mode=mode)
    if by == "users":
        pool.users["postgres"] = "pool_mode=session"
        pool.write()
        await pool.command("RELOAD")
    recorder, now = Recorder(session_mode.history), 1_700_000_000.0
    async with AsyncExitStack() as stack:
        for _ in range(5):
            client = await stack.enter_async_context(pool.client("shop"))
            await client.execute("select 1")
        await look(pool, recorder, now)
        snapshot = await look(pool, recorder, now + 600)
        modes = {row.pool_mode for row in snapshot.rows(pooler_pools) if not row.is_console}
        if by == "users" and modes != {"session"}:
            return  # before 1.24 that of a user that the database sets does not count
        [subject] = verdict_of(session_mode, snapshot).subjects
        assert subject.evidence.facts["held_connections"] == 5
    # A change of the mode counts for clients who come later.
    await follow(pool, subject.evidence, psql)
    async with pool.client("shop") as client:
        await client.execute("select 1")
        later = await look(pool, recorder, now + 1200)
        assert verdict_of(session_mode, later).state is State.healthy


async def test_connections_that_do_not_last(
    pooler: Poolers, database: Database, psql: Psql
) -> None:
    """By the cure a connection outlives what has closed it before."""
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction", server_lifetime=1)
    limits = ChurnLimits(opened=1)
    async with pool.client("shop") as client:
        await client.execute("select 1")
        assert (await judged(pool, churn)).state is State.healthy
        await follow(pool, await found(pool, churn, limits), psql)
        [process] = await client.fetch("select pg_backend_pid()")
        assert {
            row["value"]
            for row in await pool.command("SHOW CONFIG")
            if row["key"] == "server_lifetime"
        } == {"3600"}

        async def would_have_been_closed() -> bool:
            [server] = await pool.command("SHOW SERVERS")
            return (await age_of(client)) > 2.5 and server["remote_pid"] == str(process[0])

        await until(would_have_been_closed, "the connection is older than it could get")
        assert await client.fetch("select pg_backend_pid()") == [process]
        rows = (await look(pool)).rows(pooler_servers)
        later = [replace(row, request_time=in_a_minute(row.request_time)) for row in rows]
        assert opened_lately(later) == 0


async def age_of(client: asyncpg.Connection) -> float:
    """How long ago the server connection was opened, in seconds."""
    query = "select extract(epoch from clock_timestamp() - backend_start)::float8"
    age = await client.fetchval(f"{query} from pg_stat_activity where pid = pg_backend_pid()")
    return float(age)


def in_a_minute(told: str | None) -> str:
    day, clock, *_ = (told or "").split()
    return f"{datetime.fromisoformat(f'{day} {clock}') + timedelta(minutes=1)} UTC"


async def test_prepared_statements(pooler: Poolers, database: Database, psql: Psql) -> None:
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction")
    assert (await judged(pool, prepared)).state is State.healthy
    async with pool.client("shop") as client:
        await client.execute("select 1")
        names = {row["key"] for row in await pool.command("SHOW CONFIG")}
        if "max_prepared_statements" in names:
            pool.write(max_prepared_statements=0)
            await pool.command("RELOAD")
        evidence = await found(pool, prepared)
        if "max_prepared_statements" in names:
            await follow(pool, evidence, psql)
            await until_well(pool, prepared)
