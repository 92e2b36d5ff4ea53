"""column_unnamed on a real server: all that names a column, all that leaves doubt, and one left."""

import time

from alerts._base import State
from alerts.findings.migrations.column_unnamed import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from collectors.statement_texts import statement_texts
from collectors.unreferenced_columns import unreferenced_columns
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

DAY = 86400.0
MADE = """
    create extension pg_stat_statements;
    create schema "S';";
    create function touch() returns trigger language plpgsql as $$ begin
        new.touched = now();
        return new;
    end $$;
    create table "S';".parent (id int primary key, k int unique);
    create table "S';"."t;" (
        id bigint generated always as identity primary key,
        by_view int, by_index int, by_expression int, by_predicate int, by_check int,
        by_key int references "S';".parent (k), by_trigger int, by_condition int, by_policy int,
        by_column int, by_generated int generated always as (by_column + 1) stored,
        by_statistics int, by_statistics2 int, by_grant int, by_body int, touched timestamptz,
        made_at timestamptz default now(), by_statement int, "Left; over" int not null default 0,
        other int
    );
    create view "S';".seen as select by_view from "S';"."t;";
    create index on "S';"."t;" (by_index, (by_expression + 1)) where by_predicate > 0;
    alter table "S';"."t;" add check (by_check > 0);
    create trigger one before update of by_trigger on "S';"."t;" for each row
        when (new.by_condition > 0) execute function touch();
    create policy one on "S';"."t;" using (by_policy > 0);
    create statistics "S';".s (dependencies) on by_statistics, by_statistics2 from "S';"."t;";
    grant select (by_grant) on "S';"."t;" to pg_monitor;
    create function body() returns bigint language sql as $$ select 1::bigint as by_body $$;
"""
DOUBTS = {
    "a_rule": "create table a_rule (v int); create rule one as on insert to a_rule do also"
    " select 1",
    "parent": "create table parent (v int); create table child () inherits (parent)",
    "sent": "create table sent (v int); create publication p for table sent",
    "audited": "create table audited (v int); create function audit() returns trigger language"
    " plpgsql as 'begin perform to_jsonb(new); return new; end'; create trigger one after insert"
    " on audited for each row execute function audit()",
    "transition": "create table transition (v int); create trigger one after insert on transition"
    " referencing new table as rows for each statement execute function touch()",
    "typed": "create table typed (v int); create table holder (t typed)",
    "returned": "create table returned (v int); create function all_of() returns setof returned"
    " language sql as 'select null::int'",
    "viewed": "create table viewed (v int, w int); create view as_row as select v, viewed from"
    " viewed",
    "standard": "create table standard (v int, w int); create function one() returns bigint"
    " language sql begin atomic; select count(v) from standard; end",
}
USE = 'select by_statement from "S\';"."t;" where id = 1'


async def test_found_and_gone(database: Database, psql: Psql) -> None:
    """A column that is left over is told after weeks, and no more when a statement uses it."""
    await psql(database.dsn, MADE)
    for made in DOUBTS.values():
        await psql(database.dsn, made)
    await database.fetch("select pg_stat_statements_reset()")
    recorder = Recorder(wants=finding.history)
    start = time.time()

    async def seen(day: float) -> Snapshot:
        collectors = (*finding.reads, *finding.consults, statement_texts)
        async with watching(dsn=database.monitor_dsn) as monitor:
            return await look(monitor, *collectors, at=start + day * DAY, recorder=recorder)

    await database.fetch(USE)
    await database.fetch(f'{USE} and "Left; over" + other > 0')
    first = await seen(0)
    rows = {row.relname: row for row in first.rows(unreferenced_columns)}
    assert rows["t;"].columns == ["by_body", "touched", "by_statement", "Left; over", "other"]
    assert {name for name, row in rows.items() if row.doubt} == DOUBTS.keys() | {"child"}
    assert len({rows[name].doubt for name in DOUBTS}) == 6
    assert state_of(first) is State.learning
    healthy = verdict_of(finding, await seen(40))
    assert healthy.state is State.healthy, healthy.unjudged_by_reason()

    await database.fetch("select pg_stat_statements_reset()")
    await database.fetch(USE)
    await seen(41)
    [subject] = verdict_of(finding, await seen(80)).subjects
    assert subject.evidence.facts["columns"] == '"Left; over", other'
    await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    await database.fetch(f"select * from ({USE}) s")
    assert state_of(await seen(81)) is State.unknown


def state_of(snapshot: Snapshot) -> State:
    return verdict_of(finding, snapshot).state
