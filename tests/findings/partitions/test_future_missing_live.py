"""partition_future_missing on a real server: found, and cured by its own statements."""

from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import pytest

from alerts._base import Severity
from tests.findings.partitions.stage import Stage, findings, pasted
from tests.fixtures.postgres import Database, Psql

HOUR = 3600
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TABLES = """
    create schema "S';";
    create table "S';"."e;v" (id bigint generated always as identity, "a't" timestamptz not null,
        note text, primary key (id, "a't")) partition by range ("a't");
    create table "S';"."e;v_2026_11_24" partition of "S';"."e;v"
        for values from ('2026-11-24 00:00+00') to ('2026-11-25 00:00+00');
    create table "S';"."e;v_2026_11_25" partition of "S';"."e;v"
        for values from ('2026-11-25 00:00+00') to ('2026-11-26 00:00+00');
    create table kept (at date not null, v int) partition by range (at);
    create index on kept (at);
    create table kept_202610 partition of kept for values from ('2026-10-01') to ('2026-11-01');
    create table kept_202611 partition of kept for values from ('2026-11-01') to ('2026-12-01');
    create table kept_rest partition of kept default;
    create table tenants (at date not null, tenant int not null, v int)
        partition by range (at, tenant);
    create table tenants_p20261124 partition of tenants
        for values from ('2026-11-24', minvalue) to ('2026-11-25', minvalue);
    create table tenants_p20261125 partition of tenants
        for values from ('2026-11-25', minvalue) to ('2026-11-26', minvalue);
    create table split (at date, tenant int) partition by range (at, tenant);
    create table split_a partition of split
        for values from ('2026-11-25', 0) to ('2026-11-25', 100);
    create table split_b partition of split
        for values from ('2026-11-25', 100) to ('2026-11-26', 0);
    create table numbered (id bigserial primary key, v int) partition by range (id);
    create table numbered_0 partition of numbered for values from (0) to (1000);
    create table numbered_1 partition of numbered for values from (1000) to (2000);
    create table open_end (at date) partition by range (at);
    create table open_1 partition of open_end for values from ('2026-11-01') to (maxvalue);
    create table archive (at date) partition by range (at);
    create table archive_2024 partition of archive
        for values from ('2024-01-01') to ('2025-01-01');
    create table unused (at date) partition by range (at);
    create table unused_2026_11_25 partition of unused
        for values from ('2026-11-25') to ('2026-11-26');
    create table listed (kind text) partition by list (kind);
    create table listed_a partition of listed for values in ('a', 'FROM (1) TO (2)');
    create table hashed (id int) partition by hash (id);
    create table hashed_0 partition of hashed for values with (modulus 2, remainder 0);
"""
ROWS = """
    insert into "S';"."e;v" ("a't") select '2026-11-25 11:00+00'::timestamptz from
        generate_series(1, 50);
    insert into kept values ('2026-11-25', 1);
    insert into tenants values ('2026-11-25', 7, 1);
    insert into split values ('2026-11-25', 7), ('2026-11-25', 107);
    insert into open_end values ('2026-11-25');
    insert into archive values ('2024-11-25');
    insert into listed values ('a');
    insert into hashed values (2);
    insert into numbered (v) select n from generate_series(1, 1900) n;
"""
AFTER_FAILURE = """
    select (
        (select count(*) from pg_inherits where inhrelid = 'kept_202612'::regclass),
        (select count(*) from pg_constraint
            where conrelid = 'kept_rest'::regclass and conname ~ 'pgvigil')
    )
"""
"""Nothing is attached, and no CHECK refuses rows."""


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """Whatever tables are called; with DEFAULT it is a warning, and a number has its rate."""
    name, hostile = "partition_future_missing", '"S\';"."e;v"'
    stage = Stage(database, findings(name), NOW.timestamp())
    await database.execute(TABLES)
    await stage.begin()
    assert stage.ill() == {}
    await database.execute(ROWS)
    stage.at += 6.5 * HOUR
    await stage.until({name: {hostile, "public.numbered", "public.tenants"}})
    found = stage.found(name)
    assert found[hostile].severity is found["public.numbered"].severity is Severity.critical
    assert found[hostile].value == 5.5 * HOUR
    assert found["public.numbered"].facts["inserts_per_second"] == 1900 / (6.5 * HOUR)
    for one in found.values():
        await psql(database.dsn, pasted(one))
    await stage.look()
    assert stage.ill() == {}
    made = await database.fetch("select inhrelid::regclass::text from pg_inherits order by 1")
    assert {"numbered_2", "tenants_p20261126", '"S\';"."e;v_2026_11_26"'} <= {
        row[0] for row in made
    }

    stage.at = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
    await stage.look()
    found = stage.found(name)
    assert set(found) == {"public.kept"}, "the daily table has ended days ago"
    assert found["public.kept"].severity is Severity.warning
    assert "has no partition for 2026-12-01" in found["public.kept"].message
    await database.execute("insert into kept values ('2026-12-31', 2)")
    statements = [line for line in found["public.kept"].cure if not line.startswith("--")]
    for line in statements:
        with suppress(asyncpg.PostgresError):  # psql goes on after an error
            await database.execute(line)
    assert await database.fetchval(AFTER_FAILURE) == (0, 0)
    await database.execute(
        "delete from kept_rest where at > '2026-12-30'; drop table kept_202612, kept_202701"
    )
    await psql(database.dsn, pasted(found["public.kept"]))
    await stage.look()
    assert stage.ill() == {}
    left = await database.fetchval("select count(*) from pg_constraint where conname ~ 'pgvigil'")
    assert left == 0


FILLED = """
    create schema "D;";
    create table "D;".log (at timestamptz not null, id bigint generated always as identity,
        note text, unique (at, id)) partition by range (at);
    create table "D;".log_20261123 partition of "D;".log
        for values from ('2026-11-23 00:00+00') to ('2026-11-24 00:00+00');
    create table "D;".log_20261124 partition of "D;".log
        for values from ('2026-11-24 00:00+00') to ('2026-11-25 00:00+00');
    create table "D;"."l'rest" partition of "D;".log default;
    create table odds (v int) partition by list (v);
    create table odds_1 partition of odds for values in (1);
    create table odds_rest partition of odds default;
    insert into odds values (1), (2), (3);
    create table halves (v int) partition by range (v);
    create table "half;" partition of halves for values from (0) to (10);
"""
AFTER = """
    insert into "D;".log (at, note) values ('2026-11-24 10:00+00', 'in its place'),
        ('2026-11-25 10:00+00', 'late'), ('2026-11-25 11:00+00', 'late')
"""


async def test_default_and_half_detached(database: Database, psql: Psql) -> None:
    """Rows are moved to partitions of their own; an interrupted DETACH is finished."""
    stage = Stage(
        database,
        findings(
            "partition_future_missing", "partition_default_filling", "partition_detach_pending"
        ),
        NOW.timestamp(),
    )
    await database.execute(FILLED)
    await stage.begin()
    assert stage.ill() == {}
    await database.execute(AFTER)
    await half_detach(database)
    await stage.until(
        {
            "partition_future_missing": {'"D;".log'},
            "partition_default_filling": {'"D;"."l\'rest"'},
            "partition_detach_pending": {'public."half;"'},
        }
    )
    [ended] = stage.found("partition_future_missing").values()
    assert "see partition_default_filling" in ended.cure[0]
    for name in ("partition_default_filling", "partition_detach_pending"):
        [one] = stage.found(name).values()
        await psql(database.dsn, pasted(one))
    await stage.until({})
    rows = await database.fetch('select tableoid::regclass::text, note from "D;".log order by at')
    assert [row[0] for row in rows] == [f'"D;".log_202611{day}' for day in (24, 25, 25)]


async def test_default_after_the_counters_were_lost(database: Database, psql: Psql) -> None:
    """As in a failover: the rows of the last ANALYZE count, also for what the cure has moved."""
    stage = Stage(database, findings("partition_default_filling"), NOW.timestamp())
    await database.execute(FILLED)
    await database.execute(AFTER)
    await database.execute('analyze "D;".log; select pg_stat_reset()')
    await stage.begin()
    await stage.until({"partition_default_filling": {'"D;"."l\'rest"'}})
    [one] = stage.found("partition_default_filling").values()
    await psql(database.dsn, pasted(one))
    await stage.until({})


async def half_detach(database: Database) -> None:
    """DETACH CONCURRENTLY waits for a query of the table, and is cancelled."""
    reader, other = await database.session(), await database.session(lock_timeout="50")
    await reader.execute("begin; select from halves")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await other.execute('alter table halves detach partition "half;" concurrently')
    await reader.execute("rollback")
