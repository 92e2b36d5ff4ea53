"""Wait events by sampling, and what is left until wraparound: small sums, on real servers."""

import asyncio

from collectors.activity import activity
from collectors.databases import databases
from monitor.exposition.render import Renderer
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

WAITING = "select count(*) from pg_stat_activity where wait_event = 'relation'"


async def test_who_waits_is_counted_again_and_again(database: Database) -> None:
    """Each look at a session that waits for a lock is one more; who is idle is never counted."""
    await database.execute("create table t ()")
    holder, waiter = await database.session(), await database.session()
    await holder.execute("begin; lock table t")
    task = asyncio.create_task(waiter.execute("select * from t"))
    await until(lambda: database.fetchval(WAITING), "somebody waits")

    renderer, lines = Renderer(activity), []
    async with watching(dsn=database.monitor_dsn) as monitor:
        for _ in range(3):
            rows = (await look(monitor, activity)).rows(activity)
            fragments, _ = renderer.render(rows)
            samples = fragments["pg_wait_event_samples_total"].samples.decode()
            lines.append({line for line in samples.splitlines() if '"Lock"' in line})
    lock = 'pg_wait_event_samples_total{wait_event_type="Lock",wait_event="relation"}'
    assert lines == [{f"{lock} {n}"} for n in (1, 2, 3)]
    assert "ClientRead" not in samples
    assert fragments["pg_wait_event_looks_total"].samples == b"pg_wait_event_looks_total 3\n"
    await holder.execute("rollback")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_left_until_wraparound(database: Database) -> None:
    """Writes are refused three million before the numbers meet: 2,147,483,647 less that and age."""
    async with watching(dsn=database.monitor_dsn) as monitor:
        rows = (await look(monitor, databases)).rows(databases)
    samples = {metric.name: list(metric.samples(rows)) for metric in databases.metrics}
    for unit in ("xids", "mxids"):
        left = samples[f"pg_database_remaining_{unit}"]
        assert [labels for labels, _ in left] == [(row.datname,) for row in rows]
    for row in rows:
        assert (row.remaining_xids or 0) + row.frozen_xid_age == 2_144_483_647
        assert (row.remaining_mxids or 0) + row.min_mxid_age == 2_144_483_647
