"""Collations in the clone: ICU and locales that its build lacks, exotic types and names."""

import pytest

from alerts.migrations.kind import Kind, kind
from monitor.migrations.clone import load
from monitor.migrations.collations import of_system, stand_in
from monitor.migrations.parsing import parsed
from monitor.migrations.scratch import scratch_server
from monitor.migrations.script import pieces
from monitor.migrations.trace import Tracer

SCHEMA = """
    CREATE COLLATION public.german (provider = icu, locale = 'de-u-co-phonebk');
    CREATE COLLATION public."odd; one" (provider = libc, locale = 'xx_XX.utf8');
    CREATE SCHEMA "Evil "" ;-- schema";
    CREATE DOMAIN public.posint AS integer CONSTRAINT c CHECK ((VALUE > 0));
    CREATE TYPE public.pair AS (a public.posint, b text COLLATE pg_catalog."de-x-icu");
    CREATE TYPE public.textrange AS RANGE (subtype = text, collation = pg_catalog."de-x-icu");
    CREATE TABLE "Evil "" ;-- schema"."ta;""ble" (
        "id""x" int PRIMARY KEY, "na;me" text COLLATE public.german, p public.pair,
        r public.textrange, m text[][], v text COLLATE pg_catalog."sv-SE-x-icu"
    );
    CREATE INDEX "i;""dx" ON "Evil "" ;-- schema"."ta;""ble" ("na;me" COLLATE public.german);
    CREATE TABLE public.one (id int PRIMARY KEY, other int);
    CREATE TABLE public.two (id int PRIMARY KEY REFERENCES public.one, one int);
    ALTER TABLE public.one ADD FOREIGN KEY (other) REFERENCES public.two DEFERRABLE;
"""
TABLE = '"Evil "" ;-- schema"."ta;""ble"'
KINDS = [
    ("CREATE COLLATION swedish (provider = icu, locale = 'sv')", Kind.instant),
    (f"ALTER TABLE {TABLE} ADD x text COLLATE swedish", Kind.instant),
    (f'ALTER TABLE {TABLE} ALTER "na;me" TYPE text COLLATE "en-US-x-icu"', Kind.index_build),
    (f"ALTER TABLE {TABLE} ALTER v TYPE varchar(9)", Kind.rewrite),
    ("ALTER TABLE two ALTER one SET NOT NULL", Kind.scan),
]


@pytest.mark.tool
async def test_a_schema_with_collations_of_another_build() -> None:
    """Nothing is lacking, and another collation rebuilds the index as it would there."""
    script = ";\n".join(sql for sql, _ in KINDS)
    async with scratch_server(()) as scratch:
        loaded = await load(scratch, SCHEMA, script)
        assert loaded.lacking == ()
        tracer = await Tracer.start(scratch, lacking=False)
        found = await tracer.run(parsed(list(pieces(script))))
        tracer.close()
    assert [(one.statement.text, kind(one)) for one in found] == KINDS
    assert found[1].statement.head == f"ALTER TABLE {TABLE} ADD x text COLLATE swedish"


def test_names_of_the_system_only() -> None:
    """A collation of the file's own must stay the one that it is."""
    named = 'COLLATE german, COLLATE "C", COLLATE "de-x-icu", COLLATE "de_DE.utf8"'
    made = list(of_system(named))
    assert [sql.split()[5] for sql in made] == ['pg_catalog."de-x-icu"', 'pg_catalog."de_DE.utf8"']
    assert stand_in("CREATE COLLATION x FROM y") == "CREATE COLLATION x FROM y"
