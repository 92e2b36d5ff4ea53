"""Pooler: clients hold all connections of a pool while they do nothing, and others wait."""

import asyncio

from monitor.demo import pooler
from monitor.demo.stage import PEACE, Stage

WAITING = 3


async def held_pool(stage: Stage) -> None:
    """In session mode an idle worker keeps its connection; a larger pool lets the others in."""
    for _ in range(pooler.SIZE):
        worker = await stage.pooled("worker")
        await worker.execute("SELECT 1")
    kiosks = [await stage.pooled("kiosk") for _ in range(WAITING)]
    await asyncio.gather(*(kiosk.execute("SELECT 1") for kiosk in kiosks))
    await asyncio.sleep(PEACE)


SCENES = (held_pool,) if pooler.program() else ()
PLANTED = ("pooler_clients_waiting",) if pooler.program() else ()
