"""`pgvigil pool`: two looks at a real pooler under load, as a table and as JSON."""

import asyncio

import pytest

from monitor.cli import main
from monitor.config.load import load
from monitor.config.model import settings_type
from monitor.look_once import look_at_poolers
from monitor.reports.pool import as_json, as_text
from tests.fixtures.farm import MONITOR
from tests.fixtures.pooler import Pooler, Poolers, behind
from tests.fixtures.postgres import Database


async def transact(pool: Pooler, stop: asyncio.Event) -> None:
    async with pool.client("shop") as client:
        while not stop.is_set():
            await client.execute("select pg_sleep(0.005)")


@pytest.mark.versions(18)
async def test_a_pool_under_load(pooler: Poolers, database: Database) -> None:
    pool = await pooler({"shop": behind(database)}, pool_mode="transaction", default_pool_size=3)
    flags = {
        "servers.db.dsn": database.server.dsn("postgres", MONITOR),
        "poolers.main.dsn": pool.dsn(),
        "poolers.gone.dsn": f"host={pool.folder}/gone user=x",
    }
    stop = asyncio.Event()
    busy = asyncio.gather(*(transact(pool, stop) for _ in range(2)))
    found = await look_at_poolers(load(flags, {}, settings_type()), {}, 0.5)
    stop.set()
    await busy
    [gone, main_pool] = as_json(found, 0.005, 4)
    assert gone["unreachable"]
    [one] = main_pool["databases"]
    assert one["size"] == 3
    assert one["service_seconds"] > 0.005
    assert 0 < one["busy_connections"] < 3
    assert one["variation"] == [0.5, 4.0]
    text = as_text(found, 0.005, 4)
    assert "transactions a second" in text
    assert "as it is" in text
    assert "pool_mode = transaction" in text
    assert "gone does not answer" in text


def test_without_a_pooler_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "--dsn", "postgresql://x@localhost:1/x"]) == 2
    assert "poolers.NAME.dsn" in capsys.readouterr().err
