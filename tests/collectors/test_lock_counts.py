"""pg_locks_count, as existing dashboards expect it."""

from collectors.lock_counts import LockCount, lock_counts
from tests.fixtures.one_look import look
from tests.fixtures.postgres import Database, connected


async def test_counts_by_database_and_mode(database: Database) -> None:
    """Every database has every mode; what a test locks is counted, waiters too, nothing else."""
    await database.execute("create table t ()")
    holder = await database.session()
    await holder.execute("begin; lock table t in share mode")

    async with connected(database.monitor_dsn, search_path="pg_catalog") as monitor:
        rows: list[LockCount] = list((await look(monitor, lock_counts)).rows(lock_counts))

    ours = {row.mode: row.locks for row in rows if row.datname == database.name}
    [metric] = lock_counts.metrics
    samples = dict(metric.samples(rows))
    assert len(ours) == 9
    assert ours["sharelock"] == 1
    assert ours["accessexclusivelock"] == 0
    assert samples[database.name, "sharelock"] == 1
    assert samples["template0", "rowsharelock"] == 0
