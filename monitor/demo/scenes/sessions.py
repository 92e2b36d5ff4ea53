"""Sessions: an importer that falls silent in its transaction, and a pool that only grows."""

import asyncio
from contextlib import suppress

from monitor.demo.stage import ENDED, PEACE, Stage

CROWD = 29
"""Total number of sessions up to which a pool grows. Of the 35 for ordinary roles, this is more
than 75 %, which is a warning, and less than 90 %, so that psql can always connect."""
GROWTH = 1.2
"""Seconds between two new sessions."""

# An ordinary role can't see the type of other sessions, but it can see their number.
COUNT = "SELECT sum(numbackends) FROM pg_stat_database"
NEW_PRICES = "UPDATE products SET price_cents = price_cents + 1 WHERE id <= 3"
SELL_ONE = "UPDATE products SET stock = stock - 1 WHERE id = 1"


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


SCENES = (silent_importer, growing_pool)
PLANTED = ("connection_saturation", "idle_in_transaction", "lock_blocker_root")
