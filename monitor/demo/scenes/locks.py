"""Locks: a migration at noon, and transfers that lock two products in opposite order."""

import asyncio

from monitor.demo.shop import REPORTING
from monitor.demo.stage import PEACE, Session, Stage

TAKE = "UPDATE products SET stock = stock - 1 WHERE id = $1"
EXPORT = "SELECT count(words), pg_sleep(120) FROM reviews"
MIGRATE = "ALTER TABLE reviews ADD COLUMN IF NOT EXISTS verified boolean"
SHOW = "SELECT stars, words FROM reviews WHERE product_id = 42"


async def migration_at_noon(stage: Stage) -> None:
    """ALTER TABLE waits behind a long export, and readers of the table wait behind it."""
    export = await stage.session("nightly-export", REPORTING)
    migration = await stage.session("migration")
    pages = await stage.sessions("review-page", 2)
    await asyncio.gather(
        export.execute(EXPORT),
        _later(1, migration, MIGRATE),
        *(_later(2, page, SHOW) for page in pages),
        return_exceptions=True,
    )
    await asyncio.sleep(PEACE)


async def _later(seconds: float, session: Session, statement: str) -> None:
    await asyncio.sleep(seconds)
    await session.execute(statement)


async def opposite_order(stage: Stage) -> None:
    """Two transfers lock the same two products in opposite order: a deadlock each time."""
    there, back = await stage.sessions("stock-transfer", 2)
    while True:
        await asyncio.sleep(10)
        await asyncio.gather(_transfer(there, 4, 5), _transfer(back, 5, 4), return_exceptions=True)
        await asyncio.sleep(PEACE)


async def _transfer(session: Session, source: int, target: int) -> None:
    async with session.transaction():
        await session.execute(TAKE, source)
        await asyncio.sleep(0.2)
        await session.execute(TAKE, target)


SCENES = (migration_at_noon, opposite_order)
PLANTED = ("deadlocks", "lock_queue_ddl")
