"""Indexes: unused, twice there, missing (`indexes.sql`), and one whose build gave up."""

import asyncio
from contextlib import suppress

import asyncpg

from monitor.demo.stage import PEACE, Stage

OWNER = "postgres"
WRITE = "DELETE FROM orders WHERE false"
BUILD = "CREATE INDEX CONCURRENTLY orders_created_idx ON orders (created_at)"
INVALID = "SELECT EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)"
DROP = "DROP INDEX CONCURRENTLY IF EXISTS orders_created_idx"


async def build_that_gives_up(stage: Stage) -> None:
    """A concurrent build waits for an open transaction longer than its lock_timeout."""
    migration, importer = await stage.session("migration", OWNER), await stage.session("import")
    await migration.execute(DROP)
    async with importer.transaction():
        await importer.execute(WRITE)
        await migration.execute("SET lock_timeout = '1s'")
        with suppress(asyncpg.LockNotAvailableError):
            await migration.execute(BUILD)
    await migration.execute("RESET lock_timeout")
    is_invalid = True
    while is_invalid:
        await asyncio.sleep(5)
        is_invalid = await migration.fetchval(INVALID)
    await asyncio.sleep(PEACE)


SCENES = (build_that_gives_up,)
PLANTED = ("fk_without_index", "index_duplicate", "index_invalid", "index_unused")
