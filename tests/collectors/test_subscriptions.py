"""subscriptions: a worker that works, one that is off, and one that fails, on real servers."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from collectors.subscriptions import Subscription, subscriptions
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import connected
from tests.fixtures.until import until


async def row(server: Postgres) -> Subscription:
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:
        [one] = (await look(monitor, subscriptions)).rows(subscriptions)
    assert isinstance(one, Subscription)
    return one


def values(found: Subscription) -> dict[str, Any]:
    """Those with the labels of the subscription alone."""
    labels = (found.datname, found.subname)
    return {
        metric.name.removeprefix("pg_stat_subscription_"): dict(metric.samples([found]))[labels]
        for metric in subscriptions.metrics
        if metric.labels == ("datname", "subname")
    }


async def subscribed(
    private_server: Callable[..., Postgres], admin: "asyncpg.Connection[Any]"
) -> Postgres:
    """A publisher of one table, and the subscription to it."""
    publisher = private_server(wal_level="logical")
    async with connected(publisher.dsn()) as source:
        await source.execute("create table t (id int primary key); insert into t values (1)")
        await source.execute("create publication p for table t")
    address = publisher.dsn().replace("'", "''")
    await admin.execute("create table t (id int primary key)")
    await admin.execute(
        f"create subscription \"s'1 🐘\" connection '{address}' publication p"
        " with (slot_name = 'one')"
    )
    return publisher


async def test_a_subscription_that_works_and_one_that_is_off(
    private_server: Callable[..., Postgres],
) -> None:
    """It is up and receives; disabled it is neither, and that is no missing row."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await subscribed(private_server, admin)

        async def copied() -> bool:
            return (await row(server)).received_lsn is not None and bool(
                await admin.fetchval("select count(*) from t")
            )

        await until(copied, "the table was copied")
        works = await row(server)
        assert (works.datname, works.subname, works.enabled) == ("postgres", "s'1 🐘", True)
        assert works.pid
        assert works.silent_seconds is not None
        facts = values(works)
        assert (facts["enabled"], facts["up"]) == (True, True)
        assert facts["received_lsn_bytes"] == works.received_lsn
        assert facts["last_msg_receipt_timestamp_seconds"] > 1.6e9

        await admin.execute('alter subscription "s\'1 🐘" disable')

        async def off() -> bool:
            return (await row(server)).pid is None

        await until(off, "the worker is gone")
        facts = values(await row(server))
        assert (facts["enabled"], facts["up"]) == (False, False)
        assert facts["received_lsn_bytes"] is None
        await admin.execute('alter subscription "s\'1 🐘" set (slot_name = none)')
        await admin.execute('drop subscription "s\'1 🐘"')


@pytest.mark.versions(14, 15, 18)
async def test_a_subscription_that_fails(
    private_server: Callable[..., Postgres], version: int
) -> None:
    """Errors are counted from 15 on, conflicts by kind from 18 on; before they are not known."""
    server = private_server(wal_retrieve_retry_interval="100ms")
    async with connected(server.dsn()) as admin:
        publisher = await subscribed(private_server, admin)

        async def copied() -> bool:
            return bool(await admin.fetchval("select count(*) from t"))

        await until(copied, "the table was copied")
        await admin.execute("insert into t values (2)")
        async with connected(publisher.dsn()) as source:
            await source.execute("insert into t values (2)")
        if version < 15:
            assert (await row(server)).apply_errors is None
            assert values(await row(server))["apply_errors_total"] is None
        else:

            async def failed() -> bool:
                return bool((await row(server)).apply_errors)

            await until(failed, "an error is counted")
        if version >= 18:
            assert ((await row(server)).insert_exists or 0) >= 1
        await admin.execute('alter subscription "s\'1 🐘" disable')
        await admin.execute('alter subscription "s\'1 🐘" set (slot_name = none)')
        await admin.execute('drop subscription "s\'1 🐘"')
