"""Indexes that are gone, as clues for another plan, on a real server."""

import pytest

from alerts.history.recorder import Recorder
from alerts.plans.events import IndexEvents
from collectors.user_indexes import user_indexes
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

MADE = """
    create table t (a int, b int);
    create index t_a on t (a);
    create index t_b on t (b);
"""
USED = """
    set enable_seqscan = off;
    select from t where a = 1;
    select from t where b = 1
"""
COUNTED = "select count(*) = 2 from pg_stat_user_indexes where relname = 't' and idx_scan > 0"
REPLACED = """
    create table t_new (like t including all);
    drop table t;
    alter table t_new rename to t
"""


@pytest.mark.versions(14, 18)
async def test_a_table_that_is_replaced_keeps_its_indexes(database: Database) -> None:
    """As by a nightly load; an index that the new table lacks is gone."""
    recorder = Recorder((IndexEvents(),))

    async def gone() -> list[str]:
        async with watching(dsn=database.monitor_dsn) as connection:
            seen = await look(connection, user_indexes, recorder=recorder)
        return [event.row.indexrelname for event in seen.of(IndexEvents())]

    async def use() -> None:
        await database.execute(USED)
        await until(lambda: database.fetchval(COUNTED), "the scans of both indexes are counted")
        assert await gone() == []

    await database.execute(MADE)
    await use()
    await database.execute(REPLACED)
    assert await gone() == []
    await use()
    await database.execute("drop index t_new_a_idx")
    await database.execute(REPLACED)
    assert await gone() == ["t_new_a_idx"]
