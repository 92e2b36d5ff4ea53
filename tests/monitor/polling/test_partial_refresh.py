"""Thousands of tables on a real server: every one is known, few have series, nothing is stale."""

import asyncpg
import pytest

from alerts._base import State
from collectors._columns import Columns
from collectors.user_indexes import user_indexes
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

pytestmark = pytest.mark.versions(18)
MANY, IN_RANGE = 700, 200
MAKE = """
    do $$ begin for n in {first}..{last} loop
        execute format('create table t%s (a int)', n);
        execute format('create index t%s_a on t%s (a)', n, n);
    end loop; end $$
"""


async def make(session: "asyncpg.Connection[asyncpg.Record]", number: int) -> None:
    for first in range(1, number + 1, 500):
        last = min(first + 499, number)
        await session.execute(MAKE.format(first=first, last=last))


def tables(watched: Watched) -> Columns[UserTable]:
    """The newest whole answer."""
    rows = watched.server.answers.by_database[user_tables]["postgres"].rows
    assert isinstance(rows, Columns)
    return rows


def served(watched: Watched, family: str) -> dict[str, float]:
    """The samples of a family by the name of their table."""
    lines = watched.fleet.store.page("it").body.decode().splitlines()
    found = (line for line in lines if line.startswith(family + "{"))
    return {one.split('relname="')[1].split('"')[0]: float(one.split()[-1]) for one in found}


async def test_every_table_is_known_and_only_the_bound_is_shown(
    private_server: PrivateServers, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read in ranges, none is missing and none comes twice; the rest is summed and counted; what
    is shown is asked for more often than all of it; findings are judged of all."""
    monkeypatch.setattr("monitor.polling.oid_ranges.TABLES", IN_RANGE)
    server = private_server(max_locks_per_transaction=2048)
    async with connected(server.dsn()) as admin:
        await make(admin, MANY)
        await admin.execute("insert into t7 select generate_series(1, 10000)")
        await admin.execute("vacuum analyze t7")
        quick = {"paces.slow": "1h", "bounds.user_tables": "10", "bounds.user_indexes": "10"}
        watched = await watch(server.dsn("postgres", MONITOR), **quick)
        await watched.until_seen()
        await until(judged(watched), "long answers are judged")
        oids = tables(watched).column("relid")
        assert len(oids) == len(set(oids)) == MANY
        assert len(tables(watched).blocks) == MANY // IN_RANGE + 1
        assert len(watched.server.answers.newest[user_indexes].rows) == MANY
        assert watched.verdict("index_unused").judged == MANY
        shown = served(watched, "pg_stat_user_tables_seq_scan")
        assert len(shown) == 10 + 1
        entry = watched.server.round_log.of(user_tables, "postgres")
        assert entry.left_out == MANY - 10
        before, whole = shown["t7"], tables(watched)
        await admin.execute("select count(*) from t7")
        await until(grown(watched, before), "the newest count is served")
        assert tables(watched) is whole, "without asking for all of it"
        await admin.execute("drop table t7")
        await until(gone(watched), "a dropped table leaves the page")
        await admin.execute("create database small")
    async with connected(server.dsn("small")) as inside:
        await inside.execute("create table few (a int)")
        await until(grown(watched, -1, "few"), "a small database is shown too")
        await inside.execute("select count(*) from few")
        await until(grown(watched, 0, "few"), "and goes on at the pace of its lane")


async def test_after_a_restart_long_answers_are_asked_anew(
    private_server: PrivateServers, watch: Watch
) -> None:
    """What was known of the server before is no part of anything."""
    server = private_server(max_locks_per_transaction=2048)
    async with connected(server.dsn()) as admin:
        await make(admin, 600)
    quick = {"paces.slow": "1h", "bounds.user_tables": "10"}
    watched = await watch(server.dsn("postgres", MONITOR), **quick)
    await watched.until_seen()
    before = tables(watched)
    server.restart()
    await until(known_anew(watched, before), "all tables are known again")


def judged(watched: Watched):  # type: ignore[no-untyped-def]
    async def ask() -> bool:
        verdict = watched.server.judging.verdicts.get("index_unused")
        return verdict is not None and verdict.state is State.healthy

    return ask


def grown(watched: Watched, before: float, table: str = "t7"):  # type: ignore[no-untyped-def]
    async def ask() -> bool:
        return served(watched, "pg_stat_user_tables_seq_scan").get(table, before) > before

    return ask


def gone(watched: Watched):  # type: ignore[no-untyped-def]
    async def ask() -> bool:
        return "t7" not in served(watched, "pg_stat_user_tables_seq_scan")

    return ask


def known_anew(watched: Watched, before: Columns[UserTable]):  # type: ignore[no-untyped-def]
    async def ask() -> bool:
        answer = watched.server.answers.newest.get(user_tables)
        return answer is not None and answer.rows is not before and len(answer.rows) == 600

    return ask
