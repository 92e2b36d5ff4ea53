"""Findings about schemas and migrations on a real server: made ill, cured by what is printed."""

from alerts._base import AnyFinding, State
from alerts.findings.migrations import constraint_not_valid, not_null_pending, trigger_disabled
from alerts.findings.schema import (
    column_types,
    constraint_not_enforced,
    extension_outdated,
    fk_duplicate,
    fk_type_mismatch,
    functional_dependency,
    pk_random_uuid,
    repeating_columns,
    sequence_column_mismatch,
    status_skewed,
    status_without_check,
    table_without_pk,
    undocumented_duplicate_column,
)
from alerts.limits import BaseLimits
from alerts.verdicts.verdict import Verdict
from collectors._capabilities import COLUMN_STATISTICS
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

CURED = (
    constraint_not_valid.finding,
    not_null_pending.finding,
    trigger_disabled.finding,
    fk_duplicate.finding,
    table_without_pk.finding,
    sequence_column_mismatch.finding,
)
TOLD = (
    column_types.finding,
    constraint_not_enforced.finding,
    extension_outdated.finding,
    fk_type_mismatch.finding,
    functional_dependency.finding,
    pk_random_uuid.finding,
    repeating_columns.finding,
    status_skewed.finding,
    status_without_check.finding,
    undocumented_duplicate_column.finding,
)
COMMENTED = (undocumented_duplicate_column.finding, functional_dependency.finding)
"""Muted by the comment that they print."""
SMALL: dict[AnyFinding, BaseLimits] = {
    column_types.finding: column_types.Limits(serial_rows=100),
    pk_random_uuid.finding: pk_random_uuid.Limits(min_bytes=0, min_inserts=100),
    status_skewed.finding: status_skewed.Limits(min_bytes=0, min_scans=1),
}
"""Limits for tables of a test."""
WELL = """
    create schema "S';";
    create table "S';".parent (id bigint primary key, a int not null, b int, "q; --" int,
        unique (a, b));
    create table "S';".child (id bigint generated always as identity primary key,
        parent bigint not null references "S';".parent, at timestamptz, price numeric,
        weight float8, code text check (length(code) = 2), "n;ull" int not null);
    create table "S';".parts (id int primary key, v int) partition by range (id);
    create table "S';".part partition of "S';".parts for values from (0) to (10);
    create table "S';".staging (v int);
    create function touch() returns trigger language plpgsql as 'begin return new; end';
    create trigger "au'dit" before update on "S';".child for each row execute function touch();
"""
ILL = """
    alter table "S';".child add constraint "tw'in" foreign key (parent) references "S';".parent;
    alter table "S';".child add constraint "po;s" check (price > 0) not valid;
    alter table "S';".parent add constraint filled check ("q; --" is not null);
    alter table "S';".child disable trigger "au'dit";
    create table "S';".keyless ("i;d" int not null unique, v int);
    insert into "S';".keyless select n, n from generate_series(1, 200) n;
    analyze "S';".keyless;
    create table "S';".narrow (id int primary key, ref int references "S';".parent (id),
        at timestamp, price float8);
    create table "S';".uuids ("i;d" uuid primary key default gen_random_uuid(), n int);
    insert into "S';".uuids select gen_random_uuid(), n from generate_series(1, 200) n;
    create table "S';".counted (id serial primary key, v int);
    insert into "S';".counted (v) select 1 from generate_series(1, 200);
    create table "S';".grown ("i;d" serial primary key);
    alter table "S';".grown alter "i;d" type bigint;
    create table "S';".tagged (id bigint primary key, "ta'g1" text, "ta'g2" text, "ta'g3" text);
    create table "S';".line (id bigint primary key, child bigint references "S';".child,
        price numeric);
    create table "S';".jobs (id bigint primary key, status text, filler text);
    insert into "S';".jobs select n, case when n < 9 then 'new' when n % 2 = 0 then 'done'
        else 'gone' end, repeat('x', 300) from generate_series(1, 4000) n;
    create index "s;tatus" on "S';".jobs (status);
    create table "S';".visits (id bigint primary key, "z;ip" int, "ci'ty" text, filler text,
        noise int);
    insert into "S';".visits select n, n % 60, 'c' || n % 60 / 2, repeat('x', 300),
        hashint4(n) % 40 from generate_series(1, 4000) n;
    create statistics "S';"."de;p" (dependencies) on "z;ip", "ci'ty", noise, id from "S';".visits;
    analyze "S';".uuids, "S';".counted, "S';".jobs, "S';".visits;
"""
RARE = """
    set enable_seqscan = off; set enable_bitmapscan = off;
    select count(*) from "S';".jobs where status = 'new'; reset all
"""

COUNTED = """
    select pg_stat_get_tuples_inserted('"S'';".uuids'::regclass) >= 200
        and pg_stat_get_numscans('"S'';"."s;tatus"'::regclass) > 0
"""


async def judged(database: Database) -> dict[AnyFinding, Verdict]:
    collectors = {one for finding in (*CURED, *TOLD) for one in (*finding.reads, *finding.consults)}
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, *collectors)
    return {
        finding: verdict_of(finding, snapshot, limits=SMALL.get(finding))
        for finding in (*CURED, *TOLD)
    }


def subjects(verdicts: dict[AnyFinding, Verdict]) -> dict[str, set[str]]:
    return {
        finding.name: {subject.evidence.subject for subject in verdict.subjects}
        for finding, verdict in verdicts.items()
        if verdict.subjects
    }


async def test_found_and_cured(database: Database, psql: Psql, version: int) -> None:
    """Whatever things are called; a clean schema has none of it."""
    await database.execute(COLUMN_STATISTICS.grant.replace("{role}", MONITOR))
    await database.execute(WELL)
    assert subjects(await judged(database)) == {}
    await database.execute(ILL)
    await database.execute(RARE)
    await until(lambda: database.fetchval(COUNTED), "its inserts and scans are counted")
    [blind] = (await judged(database))[functional_dependency.finding].unjudged
    await psql(database.dsn, blind.grant or "")
    verdicts = await judged(database)
    schema = '"S\';"'
    assert subjects(verdicts) == {
        "fk_duplicate": {f"{schema}.child (child_parent_fkey, tw'in)"},
        "constraint_not_valid": {f'{schema}.child: "po;s"'},
        "not_null_pending": {f'{schema}.parent."q; --"'},
        "trigger_disabled": {f"{schema}.child: au'dit"},
        "table_without_pk": {f"{schema}.keyless"},
        "fk_type_mismatch": {f"{schema}.narrow.ref"},
        "functional_dependency": {f'{schema}.visits."ci\'ty"'},
        "column_types": {
            f"{schema}.narrow.at",
            f"{schema}.narrow.price",
            f"{schema}.counted.id",
        },
        "pk_random_uuid": {f"{schema}.uuids"},
        "repeating_columns": {f'{schema}.tagged ("ta\'g1" …)'},
        "sequence_column_mismatch": {f'{schema}."grown_i;d_seq"'},
        "status_skewed": {f'{schema}."s;tatus"'},
        "status_without_check": {f"{schema}.jobs.status"},
        "undocumented_duplicate_column": {f"{schema}.line.price"},
    }
    for finding in (*CURED, *COMMENTED, pk_random_uuid.finding):
        for subject in verdicts[finding].subjects:
            evidence = subject.evidence
            await psql(database.dsn, "\n".join((evidence.check, *evidence.cure)))
    after = await judged(database)
    assert {finding.name for finding in CURED if after[finding].state is not State.healthy} == set()
    reasons = [after[finding].muted[0].muted for finding in COMMENTED]
    assert reasons == ["Copied from child on purpose: …", "Copied with z;ip on purpose: …"]
    ordered = after[pk_random_uuid.finding].state is State.healthy
    assert ordered is (version >= 18)
