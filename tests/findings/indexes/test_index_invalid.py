"""index_invalid: what concurrent builds left behind, but not what is being built."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from alerts._base import Evidence, State
from alerts.findings.indexes.index_invalid import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.invalid_indexes import InvalidIndex, invalid_indexes
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.printed_sql import chosen
from tests.fixtures.session_rows import seen
from tests.fixtures.until import until

FAILED = InvalidIndex(
    datname="shop",
    indexrelid=11,
    relid=10,
    schemaname="public",
    relname="orders",
    indexrelname="orders_code",
    is_unique=False,
    is_ready=True,
    is_live=True,
    has_predicate=False,
    backs_constraint=False,
    attnames=["code"],
    worker_pid=None,
    twin=None,
)


def told(**traits: object) -> Evidence:
    snapshot = seen((invalid_indexes, [replace(FAILED, **traits)]))  # type: ignore[arg-type]
    [subject] = verdict_of(finding, snapshot).subjects
    return subject.evidence


@pytest.mark.parametrize(
    ("traits", "statement"),
    [
        ({}, "REINDEX INDEX CONCURRENTLY public.orders_code;"),
        ({"twin": "orders_code_idx"}, "DROP INDEX CONCURRENTLY public.orders_code;"),
        ({"is_live": False}, "DROP INDEX CONCURRENTLY public.orders_code;"),
        ({"indexrelname": "a_ccnew1"}, "DROP INDEX CONCURRENTLY public.a_ccnew1;"),
        ({"indexrelname": "a_ccold"}, "DROP INDEX CONCURRENTLY public.a_ccold;"),
        ({"indexrelname": "a_ccold_b"}, "REINDEX INDEX CONCURRENTLY public.a_ccold_b;"),
        (
            {"twin": "other", "backs_constraint": True},
            "REINDEX INDEX CONCURRENTLY public.orders_code;",
        ),
    ],
)
def test_what_is_wanted_is_built_and_what_is_left_is_dropped(
    traits: dict[str, object], statement: str
) -> None:
    cure = told(**traits).cure
    assert statement in cure
    assert any("pg_get_indexdef" in line for line in cure) is statement.startswith("DROP")


def test_a_unique_build_says_why() -> None:
    evidence = told(is_unique=True, attnames=["code", "Odd; name"])
    assert all(line.startswith("--") for line in evidence.cure), "nothing runs before step 1"
    assert chosen(evidence.cure, "REINDEX") == "REINDEX INDEX CONCURRENTLY public.orders_code;"
    assert "usually rows have the same key" in evidence.message
    assert any('GROUP BY code, "Odd; name" HAVING' in line for line in evidence.cure)
    expression = told(is_unique=True, attnames=["code", None])
    assert not any("GROUP BY" in line for line in expression.cure)


def test_what_is_being_built_is_fine() -> None:
    snapshot = seen((invalid_indexes, [replace(FAILED, worker_pid=4711)]))
    assert verdict_of(finding, snapshot).state is State.healthy


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={invalid_indexes: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


ORDERS = """
    CREATE TABLE orders (id int, "Code" int);
    INSERT INTO orders VALUES (1, 1), (2, 1);
    CREATE INDEX by_id ON orders (id);
"""
HOSTILE = 'it\'s "x"; --\n$$'
UNIQUE = 'CREATE UNIQUE INDEX CONCURRENTLY "it\'s ""x""; --\n$$" ON orders ("Code")'
REINDEX = 'REINDEX INDEX CONCURRENTLY "it\'s ""x""; --\n$$"'
BUILD = "CREATE INDEX CONCURRENTLY built ON orders (id)"
DROP = "DROP INDEX CONCURRENTLY by_id"
WAITS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%CONCURRENTLY%' AND wait_event_type = 'Lock'
"""


async def judged(database: Database) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        return verdict_of(finding, await look(connection, invalid_indexes))


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    """A build is none while it runs; a failed one and its leftover are cured as they say."""
    await psql(database.dsn, ORDERS)
    writer, builder = await database.session(), await database.session()
    for statement in (BUILD, DROP):
        await writer.execute("BEGIN; DELETE FROM orders WHERE false")
        working = asyncio.create_task(builder.execute(statement))
        await until(lambda: database.fetchval(WAITS), "it waits for the open transaction")
        assert await database.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1
        assert (await judged(database)).state is State.healthy
        await writer.execute("COMMIT")
        await working

    for statement in (UNIQUE, REINDEX):
        with pytest.raises(asyncpg.UniqueViolationError):
            await database.execute(statement)
    verdict = await judged(database)
    found = {s.evidence.subject: s.evidence for s in verdict.subjects}
    assert len(found) == 2
    leftover = found.pop(next(name for name in found if "_ccnew" in name))
    [failed] = found.values()
    assert "did not end: usually rows have the same key" in failed.message

    assert "CREATE UNIQUE INDEX" in await paste(database.dsn, as_pasted(leftover))
    assert "|f|" in await paste(database.dsn, as_pasted(failed))
    assert (await judged(database)).state is State.ill, "there are equal keys: nothing was built"
    await database.execute('UPDATE orders SET "Code" = id')
    await psql(database.dsn, chosen(failed.cure, "REINDEX"))
    assert (await judged(database)).state is State.healthy
    valid = "SELECT indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = $1"
    assert await database.fetchval(valid, HOSTILE)


def as_pasted(evidence: Evidence) -> str:
    return "\n".join((evidence.check, *evidence.cure))
