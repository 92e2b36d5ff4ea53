"""Upkeep of partitioned tables on a real server: statistics, indexes, pruning, their number."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts._base import Severity
from alerts._catalogue import all_findings
from tests.findings.partitions.stage import Stage, findings, pasted
from tests.fixtures.postgres import Database, Psql

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = (
    "partition_parent_stale_stats",
    "partition_index_missing",
    "partition_pruning_missing",
    "partition_count_high",
)
WELL = """
    create schema "U'";
    create table "U'"."p;" (id int, "a't" date, note text) partition by range ("a't");
    do $$ begin
        for day in 1..9 loop
            execute format('create table "U''"."p;%s" partition of "U''"."p;"
                for values from (%L) to (%L)', day, '2026-11-0' || day,
                case day when 9 then '2026-11-10' else '2026-11-0' || day + 1 end);
            execute format('create index on "U''"."p;%s" (note)', day);
        end loop;
    end $$;
    create index "all;" on "U'"."p;" ("a't");
    insert into "U'"."p;" select n, date '2026-11-01' + n % 9, 'x' from generate_series(1, 900) n;
    analyze "U'"."p;";
"""
PRUNED = """
    do $$ begin
        for n in 1..60 loop
            perform from "U'"."p;" where "a't" = date '2026-11-01' + n % 9;
        end loop;
    end $$
"""
ILL = """
    insert into "U'"."p;"
        select n, date '2026-11-01' + n % 9, 'x' from generate_series(1000, 2200) n;
    drop index "U'"."p;9_note_idx";
    create unique index "on;ly" on only "U'"."p;" (id, "a't");
    create unique index on "U'"."p;1" (id, "a't");
"""
UNPRUNED = """
    do $$ begin
        for n in 1..20 loop
            perform from "U'"."p;" where note = 'x';
        end loop;
    end $$
"""


HASHED = """
    create table "h;" (id int primary key, v int) partition by hash (id);
    do $$ begin
        for n in 0..7 loop
            execute format('create table "h;%s" partition of "h;"
                for values with (modulus 8, remainder %s)', n, n);
        end loop;
    end $$;
    insert into "h;" select n, n from generate_series(1, 8000) n;
    analyze "h;";
"""
LOOKUPS = """
    do $$ begin
        for n in 1..400 loop
            perform from "h;" where id = 1 + ({seed} + n * 7919) % 8000;
        end loop;
    end $$
"""


@pytest.mark.versions(15, 18)
async def test_lookups_by_a_hash_are_pruned(database: Database) -> None:
    """Though they scan each partition as often; statements that are not pruned are found then.

    Not on 14, whose counters arrive late: several of these minutes would be one.
    """
    name = "partition_pruning_missing"
    stage = Stage(database, findings(name), NOW.timestamp())
    await database.execute(HASHED)
    await stage.begin()
    for minute in range(1, 13):
        await database.execute(LOOKUPS.replace("{seed}", str(minute * 400 * 7919)))
        await stage.look(60)
        assert minute < 6 or stage.ill() == {}
    unpruned = LOOKUPS.replace("where id", "where v").replace("1..400", "1..40")
    for _ in range(12):
        await database.execute(unpruned.replace("{seed}", "0"))
        await stage.look(60)
    assert stage.ill() == {name: {'public."h;"'}}


@pytest.mark.versions(15, 18)
async def test_a_job_that_asks_each_partition_is_no_missing_pruning(database: Database) -> None:
    """Statements that name a partition are left out; those that name the table are found then."""
    name = "partition_pruning_missing"
    stage = Stage(database, findings(name), NOW.timestamp())
    await database.execute("create extension pg_stat_statements;" + HASHED)
    await database.fetch("select pg_stat_statements_reset()")
    job = ['select count(*) from "h;{}" where v = 7', 'select * from "h;{}" where v > 8000']
    await stage.begin()
    for _ in range(12):
        for part in range(8):
            for text in job * 5:
                await database.execute(text.format(part))
        await stage.look(60)
    assert stage.ill() == {}
    for _ in range(12):
        for _ in range(10):
            await database.execute('select count(*) from "h;" where v = 7')
        await stage.look(60)
    assert stage.ill() == {name: {'public."h;"'}}


@pytest.fixture
def limits() -> dict[str, Any]:
    own = {name: all_findings()[name].limits for name in NAMES}
    return own | {
        "partition_parent_stale_stats": replace(own["partition_parent_stale_stats"], rows=500),
        "partition_pruning_missing": replace(own["partition_pruning_missing"], scans=20),
    }


async def test_found_and_cured(database: Database, psql: Psql, limits: dict[str, Any]) -> None:
    """Pruned scans are none of it; the incomplete index is built where it lacks."""
    table = '"U\'"."p;"'
    stage = Stage(database, findings(*NAMES), NOW.timestamp(), limits)
    await database.execute(WELL)
    await stage.begin()
    await database.execute(PRUNED)
    await stage.look(60)
    assert stage.ill() == {}
    await database.execute(ILL)
    for _ in range(2):
        await database.execute(UNPRUNED)
        await stage.look(60)
    index = "partition_index_missing"
    limits["partition_count_high"] = replace(limits["partition_count_high"], leaves=9)
    await stage.until(
        {
            "partition_parent_stale_stats": {table},
            index: {'"U\'"."p;9"', '"U\'"."on;ly"'},
            "partition_pruning_missing": {table},
            "partition_count_high": {table},
        }
    )
    [pruning] = stage.found("partition_pruning_missing").values()
    assert pruning.facts["key_column"] == "a't"
    found = stage.found(index)
    await psql(database.dsn, pasted(found['"U\'"."p;9"']) + pasted(pruning))
    await database.execute('create index on "U\'"."p;9" (note)')
    [stale] = stage.found("partition_parent_stale_stats").values()
    assert stale.severity is Severity.warning
    await psql(database.dsn, pasted(stale))
    for left in (9, 6, 3):
        assert stage.found(index)['"U\'"."on;ly"'].value == left
        await psql(database.dsn, pasted(stage.found(index)['"U\'"."on;ly"']))
        await stage.look()
    assert stage.found(index) == {}
    limits["partition_count_high"] = replace(limits["partition_count_high"], leaves=10)
    await stage.look(3700)
    await stage.look(60)
    assert stage.ill() == {}
