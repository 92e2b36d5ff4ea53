"""query_regression on a real server: two plans become bad, and the printed cures mend them."""

from typing import Any

from alerts.findings.queries.query_regression import Limits, finding
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.index_layout import index_layout
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

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
    analyze;
"""
# Executed inside a function it costs no time of ours, and is counted all the same.
TRAFFIC = """
    set pg_stat_statements.track = 'all';
    do $$ begin for n in 1..25 loop
        execute 'select id, note from "Orders" where customer = $1' using n * 7;
        execute 'select note from events where day = $1 and kind = $2' using {day}, 7;
    end loop; end $$;
"""
ASKED = (settings, user_tables, user_indexes, index_layout, stat_statements, statement_texts)
STEP = 120.0
BEGIN = 1_800_000_000.0


class Shop:
    """The shop, and what watches it: two minutes of the clock are over with each traffic."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(wants=finding.history)
        self.at, self.day = BEGIN, 1

    async def pass_by(self, windows: int) -> Verdict:
        for _ in range(windows):
            await self.database.execute(TRAFFIC.format(day=self.day))
            self.at += STEP
            async with watching(dsn=self.database.monitor_dsn) as monitor:
                seen = await look(monitor, *ASKED, at=self.at, recorder=self.recorder)
        return verdict_of(finding, seen, limits=Limits(min_load=0.0))

    async def facts(self) -> dict[str, Any]:
        """What is said of the only statement that became slower."""
        verdict = await self.pass_by(4)
        own = [s.evidence for s in verdict.subjects if s.evidence.database == self.database.name]
        [evidence] = own
        return {**evidence.facts, "cure": "\n".join(evidence.cure), "message": evidence.message}

    async def is_well(self) -> bool:
        verdict = await self.pass_by(2)
        return not any(s.evidence.database == self.database.name for s in verdict.subjects)


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """An index that was dropped, then a load after which the planner expects one row."""
    await database.execute(SHOP)
    shop = Shop(database)
    await shop.pass_by(12)
    assert await shop.is_well()

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
    assert found["cause"] == "statistics"
    assert "rows of public.events have changed since its last ANALYZE" in found["message"]
    await psql(database.dsn, found["cure"])
    assert await shop.is_well()
