"""The lock graph beside pg_blocking_pids, on servers where real sessions wait for each other."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from alerts.locks.graph import Holder, LockGraph
from collectors.locks import Lock, locks
from tests.fixtures.postgres import Database, connected
from tests.fixtures.until import until

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

TABLES = """
    create table ddl (); create table upgraded ();
    create table vacuumed (); create table parallel ();
    create table indexed (v int); insert into indexed values (1);
    create table "rows" (id int primary key, v int);
    insert into "rows" select id, 0 from generate_series(1, 9) id;
    create table parent (id int primary key); insert into parent values (1);
    create table child (parent_id int references parent);
"""
WAITING = "select waitstart is not null from pg_locks where pid = $1 and not granted"
BY_THE_SERVER = """
    select distinct pid, pg_blocking_pids(pid) from pg_locks where not granted and pid is not null
"""


class Stage:
    """Sessions that hold locks and sessions that wait for them, for as long as a test lasts."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.waiting: list[asyncio.Task[str]] = []
        self.sessions: list[Connection] = []

    async def holds(self, *statements: str) -> "Connection":
        """A session with an open transaction."""
        session = await self.database.session()
        self.sessions.append(session)
        for statement in ("begin", *statements):
            await session.execute(statement)
        return session

    async def waits(self, statement: str, session: "Connection | None" = None) -> int:
        """The pid of a session that is really waiting in this statement."""
        if session is None:
            session = await self.database.session()
            self.sessions.append(session)
        pid = pid_of(session)
        task = asyncio.create_task(session.execute(statement))
        self.waiting.append(task)

        async def is_waiting() -> bool:
            assert not task.done(), f"{statement}: {task}"
            return bool(await self.database.fetchval(WAITING, pid))

        await until(is_waiting, f"{pid} waits in {statement}")
        return pid

    async def close(self) -> None:
        for session in self.sessions:
            session.terminate()
        await asyncio.gather(*self.waiting, return_exceptions=True)


def pid_of(session: "Connection") -> int:
    return session.get_server_pid()


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    await database.execute(TABLES)
    stage = Stage(database)
    yield stage
    await stage.close()


async def rows_seen(dsn: str) -> list[Lock]:
    """What the collector reads there."""
    async with connected(dsn, search_path="pg_catalog") as session:
        query = locks.query(session.get_server_version().major * 10000) or ""
        return [Lock(**dict(record)) for record in await session.fetch(query)]


async def graph_of(database: Database) -> LockGraph:
    """As the monitor sees it."""
    return LockGraph.of(await rows_seen(database.monitor_dsn))


async def blocked_according_to_server(database: Database) -> dict[Holder, set[int]]:
    return {pid: set(blockers) for pid, blockers in await database.fetch(BY_THE_SERVER)}


async def ddl_queue(stage: Stage) -> None:
    reader = await stage.holds("select from ddl")
    alter = await stage.waits("alter table ddl add v int")
    followers = [await stage.waits("select from ddl") for _ in range(3)]
    graph = await graph_of(stage.database)
    head = graph.queue_head(pid_of(reader))
    assert graph.victims_of(pid_of(reader)) == {alter, *followers}
    assert head is not None
    assert (head.pid, head.relname, head.mode) == (alter, "ddl", "AccessExclusiveLock")


async def row_chain(stage: Stage) -> None:
    change = 'update "rows" set v = v + 1 where id = {}'
    first = await stage.holds(change.format(1))
    second = await stage.holds(change.format(2))
    await stage.waits(change.format(1), second)
    third = await stage.holds(change.format(3))
    await stage.waits(change.format(2), third)
    last = await stage.waits(change.format(1))
    graph = await graph_of(stage.database)
    assert pid_of(first) in graph.roots
    assert graph.victims_of(pid_of(first)) == {pid_of(second), pid_of(third), last}


async def shared_row(stage: Stage) -> None:
    await stage.holds('select from "rows" where id = 8 for share')
    await stage.holds('select from "rows" where id = 8 for share')
    await stage.waits('update "rows" set v = 1 where id = 8')
    await stage.waits('delete from "rows" where id = 8')


async def foreign_key(stage: Stage) -> None:
    await stage.holds("delete from parent where id = 1")
    pid = await stage.waits("insert into child values (1)")
    graph = await graph_of(stage.database)
    rows = await rows_seen(stage.database.monitor_dsn)
    assert graph.waits[pid][0].locktype == "transactionid"
    # Its own tuple lock tells the row it waits for, in a table that the statement never names.
    assert {lock.relname for lock in rows if (lock.pid, lock.locktype) == (pid, "tuple")} == {
        "parent"
    }


async def unique_key(stage: Stage) -> None:
    await stage.holds('insert into "rows" values (100)')
    await stage.waits('insert into "rows" values (100)')


async def advisory(stage: Stage) -> None:
    await stage.holds("select pg_advisory_xact_lock(42)")
    await stage.waits("select pg_advisory_lock(42)")
    await stage.waits("select pg_advisory_lock_shared(42)")


async def vacuum(stage: Stage) -> None:
    await stage.holds("lock table vacuumed in share update exclusive mode")
    await stage.waits("vacuum vacuumed")


async def index_concurrently(stage: Stage) -> None:
    await stage.holds("update indexed set v = 2")
    await stage.waits("create index concurrently on indexed (v)")


async def prepared_transaction(stage: Stage) -> None:
    gid = 'it\'s "paid"\n💥'
    owner = await stage.holds('update "rows" set v = 1 where id = 9')
    await owner.execute("prepare transaction '{}'".format(gid.replace("'", "''")))
    pid = await stage.waits('update "rows" set v = 2 where id = 9')
    graph = await graph_of(stage.database)
    [blocker] = graph.blockers_of(pid)
    [holding] = [lock for queue in graph.queues for lock in queue.granted if lock.gid]
    assert blocker in graph.roots
    assert holding.gid == gid


async def upgrade(stage: Stage) -> None:
    await stage.holds("select from upgraded")
    upgrading = await stage.holds("select from upgraded")
    await stage.waits("lock table upgraded", await stage.holds())
    await stage.waits("lock table upgraded in exclusive mode", await stage.holds())
    await stage.waits("lock table upgraded", upgrading)


async def parallel_query(stage: Stage) -> None:
    leader = await stage.holds(
        "set local parallel_setup_cost = 0",
        "set local parallel_tuple_cost = 0",
        "set local min_parallel_table_scan_size = 0",
        "insert into parallel select from generate_series(1, 10000)",
    )
    await leader.execute("commit; analyze parallel")
    await leader.execute(
        "begin; set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0"
    )
    await leader.execute("set local min_parallel_table_scan_size = 0")
    stage.waiting.append(asyncio.create_task(leader.execute("select pg_sleep(9) from parallel")))
    await until(
        lambda: stage.database.fetchval(
            "select count(*) > 0 from pg_stat_activity where leader_pid = $1", pid_of(leader)
        ),
        "workers work",
    )
    pid = await stage.waits("alter table parallel add v int")
    assert (await graph_of(stage.database)).blockers_of(pid) == {pid_of(leader)}


SCENES = (
    ddl_queue,
    row_chain,
    shared_row,
    foreign_key,
    unique_key,
    advisory,
    vacuum,
    index_concurrently,
    prepared_transaction,
    upgrade,
    parallel_query,
)


async def test_same_as_pg_blocking_pids(stage: Stage) -> None:
    """With every kind of wait at once, each waiter's blockers are those that the server names."""
    for scene in SCENES:
        await scene(stage)

    graph = await graph_of(stage.database)
    expected = await blocked_according_to_server(stage.database)

    assert len(expected) >= 20
    # The server calls every prepared transaction 0.
    ours = {
        node: {blocker if isinstance(blocker, int) else 0 for blocker in graph.blockers_of(node)}
        for node in graph.waits
    }
    assert ours == expected
    assert graph.cycles == ()


async def test_deadlock_in_the_making(stage: Stage) -> None:
    """Two sessions in opposite order are one cycle, while deadlock_timeout lets them be."""
    await stage.database.execute("alter role postgres set deadlock_timeout = '1min'")
    try:
        one = await stage.holds("lock table ddl")
        other = await stage.holds("lock table upgraded")
    finally:
        await stage.database.execute("alter role postgres reset deadlock_timeout")
    await stage.waits("lock table upgraded", one)
    await stage.waits("lock table ddl", other)

    graph = await graph_of(stage.database)

    assert graph.cycles == (frozenset({pid_of(one), pid_of(other)}),)
    assert graph.roots == ()


async def test_other_databases_have_no_names(stage: Stage) -> None:
    """A wait in another database is seen by number, never under a name from this one."""
    await stage.holds("lock table ddl")
    pid = await stage.waits("select from ddl")
    rows = await rows_seen(stage.database.server.dsn())
    [wait] = [lock for lock in rows if lock.pid == pid and not lock.granted]
    assert wait.relation is not None
    assert (wait.datname, wait.schemaname, wait.relname) == (stage.database.name, None, None)
