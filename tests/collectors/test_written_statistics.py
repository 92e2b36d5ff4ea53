"""Since 18 the owner of a table can write its statistics, impossible ones too."""

import pytest

from alerts.findings.storage import table_bloat
from alerts.history.recorder import Recorder
from collectors._capabilities import COLUMN_STATISTICS
from collectors.column_statistics import column_statistics
from collectors.table_layout import table_layout
from collectors.user_tables import user_tables
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database

MADE = """
    create table t (a int primary key, b text);
    insert into t select i, repeat('x', 300) from generate_series(1, 8000) i;
    analyze t;
"""
ATTRIBUTE = """
    select pg_restore_attribute_stats('schemaname', 'public', 'relname', 't', 'attname', $1::text,
        'inherited', false, 'null_frac', $2::real, 'avg_width', $3::int, 'n_distinct', $4::real)
"""
RELATION = """
    select pg_restore_relation_stats('schemaname', 'public', 'relname', $1::text,
        'relpages', $2::int, 'reltuples', $3::real)
"""


@pytest.mark.versions(18)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e30])
async def test_impossible_numbers_break_no_judgement(database: Database, number: float) -> None:
    """They would blind the finding for all tables of the server."""
    await database.execute(MADE + COLUMN_STATISTICS.grant.replace("{role}", MONITOR))
    for name, width in (("a", -4), ("b", 2**31 - 1)):
        await database.fetchval(ATTRIBUTE, name, number, width, number)
    await database.fetchval(RELATION, "t", 2**20, number)
    async with watching(dsn=database.monitor_dsn) as monitor:
        read = (user_tables, table_layout, column_statistics)
        seen = await look(monitor, *read, recorder=Recorder(table_bloat.finding.history))
    table = await database.fetchval("select 't'::regclass::oid")
    assert table in {row.relid for row in seen.rows(table_layout)}
    assert table not in {row.relid for row in seen.rows(column_statistics)}
    assert not verdict_of(table_bloat.finding, seen).subjects
