"""table_bloat on real servers: what a rewrite gives back, and nothing where that is not known."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.storage.table_bloat import finding
from alerts.verdicts.mutes import Mutes, comments_by_object
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._capabilities import COLUMN_STATISTICS
from collectors.column_statistics import column_statistics
from collectors.comments import comments
from collectors.database_sizes import database_sizes
from collectors.table_layout import table_layout
from collectors.user_tables import user_tables
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

# A megabyte stands for a gigabyte.
LIMITS = replace(finding.limits, min_bytes=1024**2, floor_bytes=1024**2)
GRANT = COLUMN_STATISTICS.grant.replace("{role}", MONITOR)
COUNTED = """
    SELECT (SELECT bool_or(n_mod_since_analyze > 0) FROM pg_stat_user_tables)
        AND NOT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'psql'
        )
"""
VACUUMED = """
    SELECT bool_and(last_vacuum >= $1 AND last_analyze >= $1)
    FROM pg_stat_user_tables JOIN pg_class c ON c.oid = relid WHERE relkind <> 'p'
"""
Made = Callable[[str], Coroutine[Any, Any, None]]
ORDERS = """
    CREATE TABLE orders (id int PRIMARY KEY, code text, note text);
    INSERT INTO orders
        SELECT i, 'c' || i % 100, repeat('x', 50 + i % 50) FROM generate_series(1, 40000) i;
"""
BLOATED = ORDERS + "DELETE FROM orders WHERE id % 4 > 0;"

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


@pytest.fixture
async def monitor(database: Database) -> "AsyncIterator[Connection]":
    """With pg_monitor, and the right to read column widths."""
    await database.execute(GRANT)
    async with watching(dsn=database.monitor_dsn) as connection:
        yield connection


@pytest.fixture
def made(database: Database, psql: Psql) -> Made:
    """Makes tables in one session, and has another vacuum them when all of that is counted."""

    async def make(sql: str) -> None:
        await psql(database.dsn, sql)
        await until(lambda: database.fetchval(COUNTED), "the changes are counted")
        start = await database.fetchval("SELECT clock_timestamp()")
        await psql(database.dsn, "VACUUM (ANALYZE)")
        await until(lambda: database.fetchval(VACUUMED, start), "the vacuum is counted")

    return make


async def verdict(
    connection: "Connection", tracker: VerdictTracker | None = None, mutes: Mutes | None = None
) -> Verdict:
    snapshot = await look(connection, user_tables, table_layout, column_statistics, database_sizes)
    return verdict_of(finding, snapshot, tracker, mutes, LIMITS)


def only(verdict: Verdict) -> Evidence:
    assert len(verdict.subjects) == 1, verdict
    return verdict.subjects[0].evidence


async def test_found_and_cured(
    database: Database, paste: Psql, made: Made, monitor: "Connection"
) -> None:
    """Three quarters deleted: the estimate meets the truth of the rewrite that cures it."""
    await made(BLOATED)
    before = await database.fetchval("SELECT pg_relation_size('orders')")
    tracker = VerdictTracker(timing=Timing(hold=False))
    ill = await verdict(monitor, tracker)
    evidence = only(ill)
    assert (ill.state, evidence.severity) == (State.ill, Severity.warning)
    assert (evidence.subject, evidence.database) == ("public.orders", database.name)
    assert "|10000|" in await paste(database.dsn, evidence.check)

    await paste(database.dsn, "\n".join(evidence.cure))
    assert (await verdict(monitor, tracker)).state is State.healthy
    given_back = before - await database.fetchval("SELECT pg_relation_size('orders')")
    assert evidence.value == pytest.approx(given_back, rel=0.03)


async def test_not_quite_ill(made: Made, monitor: "Connection") -> None:
    """Fill factor, wide rows, alignment and a third deleted are the life of a table."""
    await made(
        ORDERS
        + """
        DELETE FROM orders WHERE id % 3 = 0;
        CREATE TABLE roomy (id int, note text) WITH (fillfactor = 40);
        INSERT INTO roomy SELECT i, 'note ' || i FROM generate_series(1, 40000) i;
        CREATE TABLE wide (id int, note text);
        ALTER TABLE wide ALTER note SET STORAGE PLAIN;
        INSERT INTO wide SELECT i, repeat('x', 4500) FROM generate_series(1, 1000) i;
        CREATE TABLE gaps (a bool, b int8, c bool, d int8, e bool, f int8);
        INSERT INTO gaps SELECT true, i, true, i, true, i FROM generate_series(1, 40000) i;
        CREATE TABLE little (i int);
        INSERT INTO little SELECT generate_series(1, 20000); DELETE FROM little WHERE i < 19900;
        """,
    )
    found = await verdict(monitor)
    assert (found.state, found.subjects, found.unjudged) == (State.healthy, (), ())
    assert found.judged == 5


async def test_stays_ill_until_clearly_better(made: Made, monitor: "Connection") -> None:
    """What is ill at 40 % stays ill above 30 %, where a new one would not be reported."""
    await made(ORDERS + "DELETE FROM orders WHERE id % 20 < 9;")
    tracker = VerdictTracker(timing=Timing(hold=False))
    assert only(await verdict(monitor, tracker)).value > 0
    refill = """
        INSERT INTO orders
            SELECT id - {0}, code, note FROM orders WHERE id > 0 AND id % 20 < 9 + {1};
    """
    await made(refill.format(100_000, 2))
    assert (await verdict(monitor, tracker)).state is State.ill
    assert (await verdict(monitor)).state is State.healthy
    await made(refill.format(200_000, 4))
    assert (await verdict(monitor, tracker)).state is State.healthy


async def test_without_the_grant_it_is_unknown(database: Database, psql: Psql, made: Made) -> None:
    """With pg_monitor alone it says which GRANT is missing; that very statement opens its eyes."""
    await made(BLOATED)
    async with watching(dsn=database.monitor_dsn) as monitor:
        blind = await verdict(monitor)
        assert blind.state is State.unknown
        assert [(u.subject, u.grant) for u in blind.unjudged] == [("public.orders", GRANT)]

        await psql(database.dsn, GRANT)
        assert only(await verdict(monitor)).subject == "public.orders"


async def test_fixed_widths_need_no_grant(database: Database, made: Made) -> None:
    """A table whose rows are all of one length is judged by pg_monitor alone."""
    await made(
        """
        CREATE TABLE points (id int NOT NULL, x float8 NOT NULL, y float8 NOT NULL);
        INSERT INTO points SELECT i, i, i FROM generate_series(1, 60000) i;
        DELETE FROM points WHERE id % 2 = 0;
        """,
    )
    async with watching(dsn=database.monitor_dsn) as monitor:
        found = await verdict(monitor)
    assert only(found).facts["bloat_share"] == pytest.approx(0.5, abs=0.01)
    assert found.unjudged == ()


async def test_never_counted_is_unknown(
    database: Database, psql: Psql, monitor: "Connection"
) -> None:
    """A large table that nobody ever analysed is not called healthy; a small one is left alone."""
    await psql(database.dsn, ORDERS + "CREATE TABLE little AS SELECT 1 AS i;")
    query = "SELECT n_live_tup > 0 FROM pg_stat_user_tables WHERE relname = 'orders'"
    await until(lambda: database.fetchval(query), "the inserts are counted")
    found = await verdict(monitor)
    assert found.state is State.unknown
    assert [(u.subject, u.reason) for u in found.unjudged] == [
        ("public.orders", "never vacuumed nor analysed; ANALYZE it")
    ]


async def test_loaded_and_analysed_in_one_session(
    database: Database, psql: Psql, monitor: "Connection"
) -> None:
    """A session reports its load after its own ANALYZE; that doesn't make the table unknown."""
    await psql(database.dsn, BLOATED + "VACUUM (ANALYZE) orders;")
    await until(lambda: database.fetchval(COUNTED), "the changes are counted, late")
    evidence = only(await verdict(monitor))
    assert (evidence.subject, evidence.severity) == ("public.orders", Severity.info)


async def test_changed_beyond_recognition_is_unknown(
    database: Database, psql: Psql, made: Made, monitor: "Connection"
) -> None:
    """After an UPDATE of all rows the statistics tell of another table, until the next ANALYZE."""
    await made(BLOATED)
    await psql(database.dsn, "UPDATE orders SET note = repeat('y', 500)")
    await until(lambda: database.fetchval(COUNTED), "the updates are counted")
    assert (await verdict(monitor)).reason == "rewritten since the last ANALYZE; ANALYZE it"


async def test_dead_rows_are_vacuumed_first(
    database: Database, paste: Psql, made: Made, monitor: "Connection"
) -> None:
    """Where dead rows are most of it the cure says so, and who may hold them."""
    await made(BLOATED)
    assert "VACUUM (ANALYZE) public.orders;" not in only(await verdict(monitor)).cure

    holder = await database.session()
    await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    await made(BLOATED.replace("orders", "others"))
    found = {s.evidence.subject: s.evidence for s in (await verdict(monitor)).subjects}
    dead = found["public.others"]
    assert dead.facts["dead_rows"] == 30000
    assert "VACUUM (ANALYZE) public.others;" in dead.cure

    await holder.execute("ROLLBACK")
    await paste(database.dsn, "\n".join(dead.cure))
    assert only(await verdict(monitor)).subject == "public.orders"


async def test_no_long_lock_is_offered(made: Made, monitor: "Connection") -> None:
    """Beyond what is rewritten in seconds, no statement of the cure locks anybody out."""
    await made(BLOATED)
    snapshot = await look(monitor, user_tables, table_layout, column_statistics)
    limits = replace(LIMITS, rewrite_bytes=0)
    cure = only(verdict_of(finding, snapshot, limits=limits)).cure
    assert all(line.startswith("--") for line in cure)
    assert any("pg_repack" in line for line in cure)


@pytest.mark.versions(14, 18)
async def test_cure_gives_up(
    database: Database, paste: Psql, made: Made, monitor: "Connection"
) -> None:
    """Beside somebody who works on the table the cure gives up rather than stop everybody."""
    await made(BLOATED)
    cure = "\n".join(only(await verdict(monitor)).cure)
    reader = await database.session()
    await reader.execute("BEGIN; SELECT count(*) FROM orders")
    with pytest.raises(AssertionError, match="canceling statement due to lock timeout"):
        await paste(database.dsn, cure)


async def test_small_databases_have_small_limits(made: Made, monitor: "Connection") -> None:
    """A tenth of its database is news, though far below the limit for all."""
    await made(BLOATED)
    large = replace(LIMITS, min_bytes=finding.limits.min_bytes)
    parts = (user_tables, table_layout, column_statistics)
    without = await look(monitor, *parts)
    assert verdict_of(finding, without, limits=large).state is State.healthy
    measured = await look(monitor, *parts, database_sizes)
    assert only(verdict_of(finding, measured, limits=large)).subject == "public.orders"


@pytest.mark.versions(14, 18)
async def test_partitions_and_views(
    database: Database, paste: Psql, made: Made, monitor: "Connection"
) -> None:
    """Leaf partitions and materialised views are tables too, and cured the same way."""
    await made(
        """
        CREATE TABLE events (id int, note text) PARTITION BY RANGE (id);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100000);
        INSERT INTO events SELECT i, repeat('x', 60) FROM generate_series(1, 40000) i;
        CREATE MATERIALIZED VIEW report AS SELECT * FROM events;
        CREATE UNIQUE INDEX ON report (id);
        DELETE FROM events WHERE id % 4 > 0;
        REFRESH MATERIALIZED VIEW CONCURRENTLY report;
        """,
    )
    found = await verdict(monitor)
    assert {s.evidence.subject for s in found.subjects} == {"public.events_1", "public.report"}
    for subject in found.subjects:
        await paste(database.dsn, "\n".join(subject.evidence.cure))
    assert (await verdict(monitor)).state is State.healthy


HOSTILE = (
    'Quoted "name"',
    "it's; DROP TABLE orders; --",
    "new\nline  and\ttab",
    "back\\slash $$ :colon :'x'",
    "émoji 🐘",
    "x" * 63,
    "SELECT",
)


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_names(
    database: Database, paste: Psql, made: Made, monitor: "Connection", hostile: str
) -> None:
    """Whatever table and schema are called, check and cure are statements that work."""
    quoted = '"' + hostile.replace('"', '""') + '"'
    moved = f"CREATE SCHEMA {quoted}; ALTER TABLE orders SET SCHEMA {quoted};"
    await made(f"{BLOATED} {moved} ALTER TABLE {quoted}.orders RENAME TO {quoted};")
    evidence = only(await verdict(monitor))
    assert await paste(database.dsn, evidence.check)
    await paste(database.dsn, "\n".join(evidence.cure))
    assert (await verdict(monitor)).state is State.healthy


async def test_muted_by_comment(
    database: Database, psql: Psql, made: Made, monitor: "Connection"
) -> None:
    """A comment on the table mutes it; it stays listed with the reason."""
    await made(BLOATED)
    await psql(
        database.dsn, "COMMENT ON TABLE orders IS 'Queue. pgvigil:ignore table_bloat: fills daily'"
    )
    said = await look(monitor, comments)
    mutes = Mutes(comments=comments_by_object(said.rows(comments)))
    found = await verdict(monitor, mutes=mutes)
    assert found.state is State.muted
    assert [subject.muted for subject in found.muted] == ["fills daily"]
