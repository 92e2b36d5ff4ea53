"""Changes of a schema while they run, on a real server: told, and ended by what is printed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from alerts._base import AnyFinding, Evidence, State
from alerts.findings.migrations import (
    backfill_unbatched,
    ddl_long_running,
    index_build_running,
    index_build_stalled,
    shadow_column_leftover,
    table_rewrite_running,
)
from alerts.limits import BaseLimits
from alerts.verdicts.verdict import Verdict
from collectors.activity import activity
from collectors.exclusive_locks import exclusive_locks
from collectors.index_builds import index_builds
from collectors.progress import progress
from collectors.shadow_columns import shadow_columns
from collectors.user_tables import user_tables
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

MADE = """
    create schema "S';";
    create table "S';".t (id int primary key, v int);
    insert into "S';".t select n, 0 from generate_series(1, 9) n;
    create function slow(n int) returns int immutable language plpgsql as $$ begin
        if n = 1 and current_setting('test.slow', true) = 'on' then
            perform pg_catalog.pg_sleep(600);
        end if;
        return n;
    end $$;
    create table "S';".u (id int primary key, "id_new" bigint, v_old int, v int);
    insert into "S';".u select n from generate_series(1, 9) n;
    create index u_slow on "S';".u (slow(id));
"""
NONE = timedelta(0)
READ = (activity, exclusive_locks, index_builds, progress, shadow_columns, user_tables)


async def judged(database: Database, finding: AnyFinding, limits: BaseLimits) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        return verdict_of(finding, await look(connection, *READ), limits=limits)


@pytest.mark.versions(14, 18)
async def test_each_is_told_and_ended(database: Database, psql: Psql) -> None:
    """A build with the session that it waits for, a rewrite, a locked table, one big change."""
    await database.execute(MADE)

    async def ill(finding: AnyFinding, limits: BaseLimits) -> Evidence:
        async def told() -> tuple[Evidence, ...]:
            verdict = await judged(database, finding, limits)
            return tuple(subject.evidence for subject in verdict.subjects)

        [evidence] = await until(told, f"{finding.name} is ill")
        return evidence

    async def well(finding: AnyFinding, limits: BaseLimits) -> None:
        async def is_well() -> bool:
            return (await judged(database, finding, limits)).state is State.healthy

        await until(is_well, f"{finding.name} is well")

    async def ends(
        statement: str, finding: AnyFinding, limits: BaseLimits, slow: str = "off"
    ) -> Evidence:
        """Run a statement, see it told, and end it by its own cure."""
        await well(finding, limits)
        session = await database.session(**{"test.slow": slow})
        running = asyncio.create_task(session.execute(statement))
        evidence = await ill(finding, limits)
        await psql(database.dsn, "\n".join((evidence.check, *evidence.cure)))
        [outcome] = await asyncio.gather(running, return_exceptions=True)
        assert "canceling statement due to user request" in str(outcome)
        await well(finding, limits)
        return evidence

    await stalled(database, psql, ill, well)
    now = ddl_long_running.Limits(NONE)
    evidence = await ends(
        'alter table "S\';".t alter v type bigint using slow(id)',
        ddl_long_running.finding,
        now,
        "on",
    )
    assert evidence.facts["tables"] == '"S\';".t'
    rewrite = table_rewrite_running.Limits(NONE)
    evidence = await ends('vacuum full "S\';".u', table_rewrite_running.finding, rewrite, "on")
    assert evidence.subject == '"S\';".u'
    loop = 'do $$ begin update "S\';".t set v = 1; perform pg_sleep(600); end $$'
    await ends(loop, backfill_unbatched.finding, backfill_unbatched.Limits(NONE))
    left = await judged(database, shadow_column_leftover.finding, shadow_column_leftover.Limits())
    assert [one.evidence.subject for one in left.subjects] == ['"S\';".u.id_new']


async def stalled(
    database: Database,
    psql: Psql,
    ill: Callable[[AnyFinding, BaseLimits], Awaitable[Evidence]],
    well: Callable[[AnyFinding, BaseLimits], Awaitable[None]],
) -> None:
    """The build waits for an idle transaction, which the cure ends; then it gets through."""
    holder = await database.session(application_name="ho'lder")
    await holder.execute('begin; insert into "S\';".t values (100)')
    builder = await database.session()
    build = asyncio.create_task(builder.execute('create index concurrently "i;x" on "S\';".t (v)'))

    async def waits() -> bool:
        running = await ill(index_build_running.finding, index_build_running.Limits(NONE))
        return "waiting for writers before build" in running.message

    await until(waits, "it is told that the build waits")
    limits = index_build_stalled.Limits(NONE)
    evidence = await ill(index_build_stalled.finding, limits)
    assert "ho'lder" in evidence.message
    assert evidence.facts["locker_pid"] == holder.get_server_pid()
    await psql(database.dsn, "\n".join((evidence.check, *evidence.cure)))
    await build
    await well(index_build_stalled.finding, limits)
    await well(index_build_running.finding, index_build_running.Limits(NONE))
