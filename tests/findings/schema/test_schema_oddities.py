"""Findings about schemas on a real server: types, names and catalogues that are common and odd."""

import pytest

from alerts._base import AnyFinding, Evidence
from alerts.findings.schema import (
    collation_version_mismatch,
    column_types,
    fk_duplicate,
    fk_type_mismatch,
    table_without_pk,
)
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

pytestmark = pytest.mark.versions(14, 18)


async def told(database: Database, finding: AnyFinding) -> dict[str, Evidence]:
    async with watching(dsn=database.monitor_dsn) as connection:
        verdict = verdict_of(finding, await look(connection, *finding.reads))
    assert verdict.unjudged == ()
    return {one.evidence.subject: one.evidence for one in verdict.subjects}


async def test_types_with_a_precision_and_without_a_length(database: Database) -> None:
    """None of them is an error that hides all others."""
    await database.execute(
        "create table t (a timestamp(3), b timetz, c timetz(3), d bpchar, e char, f char(9))"
    )
    found = await told(database, column_types.finding)
    assert {subject: one.facts["type"] for subject, one in found.items()} == {
        "public.t.a": "timestamp(3) without time zone",
        "public.t.b": "time with time zone",
        "public.t.c": "time(3) with time zone",
        "public.t.d": "bpchar",
        "public.t.e": "character(1)",
        "public.t.f": "character(9)",
    }


async def test_collations_that_no_index_has(database: Database) -> None:
    """An upgrade of the system's library changes the versions of hundreds of them."""
    await database.execute(
        "update pg_catalog.pg_collation set collversion = '0.1' where collprovider <> 'd'"
    )
    assert await told(database, collation_version_mismatch.finding) == {}


KEYS = """
    create domain key as bigint;
    create domain customer as key check (value > 0);
    create domain small as integer;
    create table parent (a bigint unique, b text unique, c customer unique, d integer unique,
        e numeric unique);
    create table child (
        a customer references parent (a), b varchar(9) references parent (b),
        c bigint references parent (c), c2 key references parent (c),
        d bigint references parent (d), e integer references parent (e),
        a2 small references parent (a)
    )
"""


async def test_domains_and_texts_are_no_other_types(database: Database) -> None:
    """What is larger than its key is no conversion."""
    await database.execute(KEYS)
    found = await told(database, fk_type_mismatch.finding)
    assert {subject: one.message.partition(": ")[2] for subject, one in found.items()} == {
        "public.child.d": "it takes more room than any value of the key needs.",
        "public.child.e": "each check and join converts the values, and may miss an index.",
        "public.child.a2": "inserts fail once the key outgrows it.",
    }


TWICE = """
    create table p (a int primary key, b int, unique (a, b));
    create table c (a int, b int);
    alter table c add constraint loose foreign key (a) references p not enforced;
    alter table c add constraint tight foreign key (a) references p not valid;
    alter table c add constraint whole foreign key (a, b) references p (a, b) on delete set null;
    alter table c add constraint part foreign key (a, b) references p (a, b)
        on delete set null (b);
    alter table c add constraint x foreign key (b) references p on delete set null;
    alter table c add constraint y foreign key (b) references p on delete set null (b);
    create table d (a int, b int);
    alter table d add constraint one foreign key (a) references p not valid;
    alter table d add constraint two foreign key (a) references p;
"""


@pytest.mark.versions(18)
async def test_a_foreign_key_that_is_not_enforced_is_no_twin(database: Database) -> None:
    """Else the one that is would be dropped; what a delete clears is a difference as well."""
    await database.execute(TWICE)
    found = await told(database, fk_duplicate.finding)
    assert {subject: one.facts["are_equal"] for subject, one in found.items()} == {
        "public.c (whole, part)": False,
        "public.c (x, y)": True,
        "public.d (two, one)": True,
    }


KEYLESS = """
    create table full_rows (a int); alter table full_rows replica identity full;
    create table by_index (a int not null unique, b int);
    alter table by_index replica identity using index by_index_a_key;
    create table unique_only (a int not null unique);
    create table "{name}" (a int not null unique);
    create table bare (a int);
    insert into full_rows values (1); update full_rows set a = 2;
    insert into by_index values (1, 1); update by_index set b = 2;
    insert into unique_only values (1); update unique_only set a = 2;
    insert into bare values (1); update bare set a = 2;
    insert into "{name}" values (1); update "{name}" set a = 2;
"""


async def test_what_the_lack_of_a_key_costs(database: Database, psql: Psql) -> None:
    """Neither too much is said, nor does a long name collide with that of its table."""
    name = "表" * 21
    await database.execute(KEYLESS.replace("{name}", name))
    found = await told(database, table_without_pk.finding)
    assert {subject: one.message.rpartition(": ")[2] for subject, one in found.items()} == {
        "public.full_rows": "the same row may be there twice.",
        "public.by_index": "programs that ask for the key of a row find none.",
        "public.unique_only": "logical replication refuses its updates and deletes.",
        f'public."{name}"': "logical replication refuses its updates and deletes.",
        "public.bare": "the same row may be there twice, and logical replication refuses its"
        " updates and deletes.",
    }
    for subject in ("public.unique_only", f'public."{name}"'):
        await psql(database.dsn, "\n".join(found[subject].cure))
    left = await told(database, table_without_pk.finding)
    assert set(left) == {"public.full_rows", "public.by_index", "public.bare"}
