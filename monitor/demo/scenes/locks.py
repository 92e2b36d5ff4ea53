"""Scenes of the demo: each causes a problem, and pauses for a while after a cure."""

import asyncio
from contextlib import suppress

from monitor.demo.shop import REPORTING
from monitor.demo.stage import ENDED, Session, Stage

PEACE = 75.0
"""Seconds after a cure before the problem comes back, so that the effect can be seen."""
CROWD = 29
"""Total number of sessions up to which a pool grows. Of the 35 for ordinary roles, this is more
than 75 %, which is a warning, and less than 90 %, so that psql can always connect."""
GROWTH = 1.2
"""Seconds between two new sessions."""

# An ordinary role can't see the type of other sessions, but it can see their number.
COUNT = "SELECT sum(numbackends) FROM pg_stat_database"
NEW_PRICES = "UPDATE products SET price_cents = price_cents + 1 WHERE id <= 3"
SELL_ONE = "UPDATE products SET stock = stock - 1 WHERE id = 1"
TAKE = "UPDATE products SET stock = stock - 1 WHERE id = $1"
EXPORT = "SELECT count(words), pg_sleep(120) FROM reviews"
MIGRATE = "ALTER TABLE reviews ADD COLUMN IF NOT EXISTS verified boolean"
SHOW = "SELECT stars, words FROM reviews WHERE product_id = 42"


async def silent_importer(stage: Stage) -> None:
    """An idle transaction holds row locks; three sessions wait for one of the rows."""
    importer = await stage.session("price-import")
    tills = await stage.sessions("till", 3)
    await importer.execute("BEGIN")
    await importer.execute(NEW_PRICES)
    # This lasts until the importer is terminated; terminating a waiting session changes nothing.
    await asyncio.gather(*(till.execute(SELL_ONE) for till in tills), return_exceptions=True)
    await asyncio.sleep(PEACE)


async def growing_pool(stage: Stage) -> None:
    """A pool opens sessions and never closes them; it starts again after some were terminated."""
    with suppress(*ENDED):
        await _grow(stage)
    stage.clear()
    await asyncio.sleep(PEACE)


async def _grow(stage: Stage) -> None:
    oldest = await stage.session("mailer")
    while not any(session.is_closed() for session in stage.opened):
        if await oldest.fetchval(COUNT) < CROWD:
            await stage.session("mailer")
        await asyncio.sleep(GROWTH)


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


SCENES = (silent_importer, growing_pool, migration_at_noon, opposite_order)
