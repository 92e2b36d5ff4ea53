"""Statements full of secrets on a real server: their values are on no page and in no log line."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from alerts._catalogue import all_findings
from collectors._base import Kind
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.prometheus import Chain, chain, webhook
from tests.fixtures.until import until

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

__all__ = ["chain", "webhook"]

SECRET = "hunter2"
NUMBER = 4111111111111111
# Longer than PostgreSQL keeps: it cuts within the literal, whose closing quote is lost.
CUT = f"select pg_sleep(600), '{SECRET * 2000}'"
RUNNING = (
    f"select pg_sleep(600), '{SECRET}', E'it\\'s {SECRET}', U&'{SECRET}', $${SECRET}$$, {NUMBER}",
    f"select /* {SECRET} */ pg_sleep(600), $tag$ '{SECRET} $tag$ -- {SECRET}",
    f"select /* /* */ {SECRET} */ pg_sleep(600), {NUMBER}.5, -{NUMBER}, 1e0+{NUMBER}",
    CUT,
)
WAITING = (
    f"update accounts set note = '{SECRET}' where card = {NUMBER}",
    f"delete from accounts where note in ('a', E'\\\\', '{SECRET}')",
    f"alter table accounts add column extra text default '{SECRET}'",
    f"select * from accounts where card between {NUMBER} and {NUMBER} for update",
)
COUNTED = f"select pg_sleep(0.1), '{SECRET}' || {NUMBER} as counted"
SEEN = "update accounts set note = ?"


def impatience() -> Iterator[str]:
    """Whatever findings wait for, they wait for a second only: all of them are to speak."""
    for name, finding in all_findings().items():
        for limit in fields(finding.limits):
            if isinstance(getattr(finding.limits, limit.name), timedelta):
                yield f"findings.{name}.{limit.name}=1s"


@contextlib.asynccontextmanager
async def busy(dsn: str) -> AsyncIterator[None]:
    """Sessions that run, wait and idle in statements with secrets, and a deadlock now and then."""
    async with contextlib.AsyncExitStack() as stack:

        async def session() -> "Connection":
            return await stack.enter_async_context(connected(dsn))

        holder, admin = await session(), await session()
        await holder.execute("create table accounts (card numeric, note text)")
        await holder.execute(f"insert into accounts values ({NUMBER}, '{SECRET}'), (1, '')")
        await holder.execute(f"begin; update accounts set note = '{SECRET}' -- {SECRET}")
        await admin.execute(f"begin; create role someone password '{SECRET}'")
        tasks = []
        for statement in (*RUNNING, *WAITING):
            one = await session()
            tasks.append(asyncio.create_task(one.execute(statement), name=statement[:40]))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await admin.execute("rollback")


async def deadlock(dsn: str) -> None:
    """Two sessions, each with a secret in what it waits for."""
    async with connected(dsn) as one, connected(dsn) as other:
        await one.execute("create table crossing (id int, note text)")
        await one.execute("insert into crossing values (1), (2)")
        first = f"update crossing set note = '{SECRET}' where id = 1"
        second = f"update crossing set note = '{SECRET}' where id = 2"
        await one.execute(f"begin; {first}")
        await other.execute(f"begin; {second}")
        waiting = (one.execute(second), other.execute(first))
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert any(isinstance(end, asyncpg.DeadlockDetectedError) for end in ends)


EXPECTED = {"idle_in_transaction", "lock_blocker_root", "lock_queue_ddl"}


@pytest.mark.versions(18)
async def test_no_value_of_a_statement_is_shown(
    private_server: PrivateServers, chain: Chain
) -> None:
    """Statements are on the pages, or this would prove nothing; what they are about is not."""
    server = private_server(deadlock_timeout="5s")
    dsn = server.dsn(user=MONITOR)
    async with connected(server.dsn()) as admin:
        await admin.execute("create extension pg_stat_statements")
    texts = ("statement_texts=true", "paces.table=2s", "paces.slow=2s")
    program = await chain.daemon("server_name=shop", *texts, *impatience(), PGVIGIL_DSN=dsn)
    address = chain.addresses["pgvigil"]

    async def page(path: str) -> str:
        return (await chain.http.get(f"http://{address}{path}")).raise_for_status().text

    async with busy(server.dsn()):
        await deadlock(server.dsn())

        async def shown() -> bool:
            told = await page("/findings")
            ill = {
                one["finding"]
                for one in json.loads(told)["servers"][0]["findings"]
                if one["state"] == "ill"
            }
            async with connected(server.dsn()) as shopper:
                await shopper.execute(COUNTED)
            counted = "as counted" in await page("/statements")
            labelled = "as counted" in await page("/metrics")
            is_told = SEEN in await page("/") and "create role" in told and ill >= EXPECTED
            return is_told and counted and labelled

        await until(shown, "the statements are on the page")
        [told] = json.loads(await page("/findings"))["servers"]
        names = list(all_findings())
        of_servers = {name for name in names if all_findings()[name].of is Kind.postgres}
        assert {finding["finding"] for finding in told["findings"]} == of_servers
        paths = [
            "/",
            "/findings",
            "/statements",
            "/statements.json",
            "/waits",
            "/waits.json",
            "/metrics",
            "/sd",
        ]
        paths += [f"/findings/{name}{end}" for name in names for end in ("", ".json")]
        for path in paths:
            text = await page(path)
            assert SECRET not in text, path
            assert str(NUMBER) not in text, path
            assert "create role someone" not in text, path
    assert SECRET not in program.output()
    assert str(NUMBER) not in program.output()
