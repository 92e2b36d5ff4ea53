"""A migration while it runs: it waits, others wait behind it, and it is cancelled as advised."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from alerts.migrations.running import Running, watched
from monitor.address import Address
from monitor.migrations import watching
from monitor.postgres.session import Session
from tests.fixtures.postgres import Database, PrivateServers, Psql, connected
from tests.fixtures.until import until

SCRIPT = "SET lock_timeout = 0;\nALTER TABLE orders ADD COLUMN\n    x int;\n"


def running(pid: int, *blockers: int, seconds: float = 9.0, query: str = "") -> Running:
    return Running(pid, "then", "then", "active", seconds, query, blockers)


@pytest.mark.parametrize(
    ("sessions", "hurts", "behind"),
    [
        ([running(1, query="alter x;")], False, 0),
        ([running(1, query="alter x"), running(2, 1), running(3, 2, seconds=1)], True, 2),
        ([running(1, query="alter x"), running(2, 1, seconds=3)], False, 1),
        ([running(1, 7, query="alter  x"), running(2, 1, seconds=3)], True, 1),
        ([running(1, query="alter x"), running(2, 5), running(5, 2)], False, 0),
        (
            [running(1, query="alter x"), *(running(n, 1, seconds=0) for n in range(5, 30))],
            True,
            25,
        ),
    ],
)
def test_who_waits_behind_it(sessions: list[Running], hurts: bool, behind: int) -> None:
    """Also those that wait for waiting sessions; one that waits itself hurts sooner."""
    [found] = watched(sessions, {"alter x": 1}, {})
    assert (found.hurts, len(found.behind)) == (hurts, behind)
    assert bool(found.advice) is hurts


def test_a_long_statement_is_known_by_its_beginning() -> None:
    """The server keeps 1 kB of it; and what sends the whole file as one statement is seen too."""
    script = "ALTER TABLE a ADD x int;\nCOMMENT ON TABLE a IS '" + "long " * 300 + "';\n"
    lines = watching.statement_lines(script)
    [found] = watched([replace(running(1, query=script[25:1000]), is_cut=True)], lines, {})
    assert found.line == 2
    assert watched([running(1, query=script[25:1000])], lines, {}) == []
    assert watched([replace(running(1, query=""), is_cut=True)], lines, {}) == []
    [whole] = watched([running(1, query=script)], lines, {})
    assert whole.line == 1


@pytest.mark.versions(18)
async def test_a_statement_longer_than_what_is_read(private_server: PrivateServers) -> None:
    """Where the server keeps more of it than we read, it is known by its beginning, too."""
    server = private_server(track_activity_query_size="1MB")
    script = f"SELECT pg_sleep(600), '{'long ' * 30_000}'"
    lines = watching.statement_lines(script)
    session = await Session.open(Address.of(server.dsn(), {}), None, 30, 60)
    async with connected(server.dsn()) as migrator:
        running = asyncio.ensure_future(migrator.execute(script))
        [found] = await until(lambda: watching.look(session, lines), "it is seen")
        assert found.line == 1
        assert len(found.session.query) == watching.LONGEST
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await session.close()


@pytest.mark.versions(14, 18)
async def test_a_migration_with_a_queue_behind_it(
    database: Database, psql: Psql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice to cancel, pasted, frees the queue; then it is over."""
    monkeypatch.setattr(watching, "PACE", 0.1)
    monkeypatch.setattr("alerts.migrations.running.BEHIND_A_WAIT", 0.3)
    await database.execute("CREATE TABLE orders (id int)")
    holder, migrator, reader = [await database.session() for _ in range(3)]
    await holder.execute("BEGIN; SELECT * FROM orders")
    statement = "ALTER TABLE orders ADD COLUMN x int"
    changing = asyncio.ensure_future(migrator.execute(statement))
    told: list[str] = []
    freed: list[asyncio.Task[str]] = []

    def tell(line: str) -> None:
        told.append(line)
        if "cancel it: " in line and not freed:
            freed.append(asyncio.create_task(psql(database.dsn, line.partition(": ")[2])))

    session = await Session.open(Address.of(database.monitor_dsn, {}), None, 30, 60)
    asking = asyncio.ensure_future(reader.execute("SELECT * FROM orders"))
    assert await watching.watch(session, SCRIPT, tell)
    await session.close()
    waits = [line for line in told if "waits for its lock" in line]
    assert any("1 session waits behind it" in line for line in waits)
    assert told[-1] == "It is over."
    [ended] = await asyncio.gather(changing, return_exceptions=True)
    assert isinstance(ended, asyncpg.QueryCanceledError)
    await asking
    await asyncio.gather(*freed)
