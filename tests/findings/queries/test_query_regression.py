"""query_regression on a real server: plans become bad, and the printed cures mend them."""

from functools import partial
from typing import Any

from alerts.findings.queries.query_regression import Limits, finding
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from bench.flips.judged import ASKED
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql, connected
from tests.fixtures.until import until

SHOP = """
    create extension pg_stat_statements;
    create table "Orders" (id int primary key, customer int, note text);
    insert into "Orders" select n, n % 5000, repeat('x', 100) from generate_series(1, 40000) n;
    create index "by customer" on "Orders" (customer);
    create table events (day int, kind int, note text);
    create function loaded(days int, size int) returns void language sql as $$
        insert into events
        select days, case when n <= 4 and days in (1, 21) then 7 else 100 + n % 50 end,
            repeat('x', 500)
        from generate_series(1, size) n
    $$;
    select loaded(day, 500) from generate_series(1, 20) day;
    create index on events (day);
    create index on events (kind);
    create table tickets (id int primary key, state int, note text);
    insert into tickets
    select n, case when n > 19985 then 2 else n % 2 end, repeat('x', 100)
    from generate_series(1, 20000) n;
    create index on tickets (state);
    create table visits (day int, kind int, note text) partition by range (day);
    create table visits_old partition of visits for values from (1) to (10);
    create table visits_new (like visits);
    insert into visits_old select 1, n % 5000, repeat('x', 100) from generate_series(1, 20000) n;
    insert into visits_new select 11, -n, repeat('x', 100) from generate_series(1, 20000) n;
    create index on visits_old (kind);
"""
# Executed inside a function it costs no time of ours, and is counted all the same.
TRAFFIC = """
    set pg_stat_statements.track = 'all';
    set plan_cache_mode = {mode};
    prepare rare(int) as select id from tickets where state = $1 order by id limit 20;
    do $$ begin for n in 1..25 loop
        execute 'select id, note from "Orders" where customer = $1' using n * 7;
        execute 'select note from events where day = $1 and kind = $2' using {day}, 7;
        execute 'execute rare(2)';
        execute 'select note from visits where kind = $1' using n;
    end loop; end $$;
    deallocate rare;
"""
SCANS = """
    select sum(seq_scan + coalesce(idx_scan, 0))::int from pg_stat_user_tables
    where relname = 'visits_old'
"""
STEP = 120.0
BEGIN = 1_800_000_000.0


class Shop:
    """The shop, and what watches it: two minutes of the clock are over with each traffic."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(wants=finding.history)
        self.at, self.day, self.mode = BEGIN, 1, "force_custom_plan"

    async def pass_by(self, windows: int) -> Verdict:
        for _ in range(windows):
            scans = await self.scans() + 25
            async with connected(self.database.dsn) as application:
                await application.execute(TRAFFIC.format(day=self.day, mode=self.mode))
            await until(partial(self.has_scans, scans), "the traffic is counted")
            self.at += STEP
            async with watching(dsn=self.database.monitor_dsn) as monitor:
                seen = await look(monitor, *ASKED, at=self.at, recorder=self.recorder)
        return verdict_of(finding, seen, limits=Limits(min_load=0.0))

    async def scans(self) -> int:
        """How often one of the tables was scanned; 14 tells that half a second later."""
        scans: int = await self.database.fetchval(SCANS)
        return scans

    async def has_scans(self, scans: int) -> bool:
        return await self.scans() >= scans

    async def facts(self) -> dict[str, Any]:
        """What is said of the only statement that became slower."""
        verdict = await self.pass_by(3)
        own = [s.evidence for s in verdict.subjects if s.evidence.database == self.database.name]
        [evidence] = own
        return {**evidence.facts, "cure": "\n".join(evidence.cure), "message": evidence.message}

    async def is_well(self) -> bool:
        verdict = await self.pass_by(1)
        return not any(s.evidence.database == self.database.name for s in verdict.subjects)


async def a_partition_without_an_index(shop: Shop, psql: Psql) -> None:
    """The text names only the parent; the partition has another name, and the rows are the same."""
    await shop.database.execute(
        "alter table visits attach partition visits_new for values from (10) to (20)"
    )
    found = await shop.facts()
    assert found["cause"] == "partition without an index"
    told = "the partition public.visits_new is scanned sequentially, as it has no index like"
    assert f"{told} public.visits_old_kind_idx" in found["message"]
    await psql(shop.database.dsn, found["cure"])
    assert await shop.is_well()


async def a_new_partition_without_an_index(shop: Shop, psql: Psql) -> None:
    """Nothing is known of it from before; what the other one did in this hour is learned."""
    await shop.database.execute(
        "create table visits_next partition of visits for values from (20) to (30);"
        " insert into visits select 20, -n, repeat('x', 100) from generate_series(1, 60000) n"
    )
    found = await shop.facts()
    assert found["cause"] == "partition without an index"
    assert "the partition public.visits_next is scanned sequentially" in found["message"]
    await psql(shop.database.dsn, found["cure"])
    assert await shop.is_well()


async def a_setting_of_the_role(shop: Shop, psql: Psql) -> None:
    """It holds for new sessions of one role in this database; the server's own is the same."""
    name, change = shop.database.name, f"alter role postgres in database {shop.database.name} set"
    await shop.database.execute(
        f"{change} enable_indexscan = off; {change} enable_bitmapscan = off;"
        f" {change} enable_indexonlyscan = off"
    )
    verdict = await shop.pass_by(3)
    told = [s.evidence for s in verdict.subjects if s.evidence.database == name]
    assert {one.facts["cause"] for one in told} == {"setting changed"}
    assert all(f"of role postgres in database {name} was set to off" in o.message for o in told)
    assert len(told) >= 3
    assert f"ALTER ROLE postgres IN DATABASE {name} RESET enable_bitmapscan;" in told[0].cure
    await psql(shop.database.dsn, "\n".join(told[0].cure))
    assert await shop.is_well()


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """An index is dropped; a load after which the planner expects one row; a generic plan."""
    await database.execute(SHOP)
    await database.execute("analyze")  # what the same session loads and analyses counts as changed
    shop = Shop(database)
    await shop.pass_by(10)
    assert await shop.is_well()

    await a_partition_without_an_index(shop, psql)
    await a_new_partition_without_an_index(shop, psql)

    await database.execute('drop index "by customer"')
    found = await shop.facts()
    assert found["cause"] == "index dropped"
    assert found["statement"] == 'select id, note from "Orders" where customer = $1'
    assert found["rows_before"] == found["rows_after"] == 8
    assert found["blocks_after"] > 20 * found["blocks_before"]
    await psql(database.dsn, found["cure"])
    assert await shop.is_well()

    await database.execute("select loaded(21, 3000)")
    shop.day = 21
    found = await shop.facts()
    assert found["cause"] == "stale statistics"
    assert "rows of public.events have changed since its last ANALYZE" in found["message"]
    await psql(database.dsn, found["cure"])
    assert await shop.is_well()

    shop.mode = "force_generic_plan"
    found = await shop.facts()
    assert found["cause"] == "another index"
    assert found["rows_before"] == found["rows_after"] == 15
    assert "is read by the index tickets_pkey instead of tickets_state_idx" in found["message"]
    assert "prepared statements with a generic plan" in found["cure"]
    shop.mode = "force_custom_plan"
    assert await shop.is_well()

    await a_setting_of_the_role(shop, psql)
