"""table_bloat on real servers: what a rewrite gives back, and nothing where that is not known."""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.cure import identifier
from alerts.findings.storage.table_bloat import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.vacuum.horizon import CONSULTS
from alerts.verdicts.mutes import Mutes, comments_by_object
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._capabilities import COLUMN_STATISTICS
from collectors.column_statistics import column_statistics
from collectors.comments import comments
from collectors.database_sizes import database_sizes
from collectors.table_layout import table_layout
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

# Half a megabyte stands for a gigabyte.
LIMITS = replace(finding.limits, min_bytes=512 * 1024, floor_bytes=512 * 1024)
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
        SELECT i, 'c' || i % 100, repeat('x', 200 + i % 100) FROM generate_series(1, 8000) i;
"""
BLOATED = ORDERS + "DELETE FROM orders WHERE id % 4 > 0;"

# Fill factor, wide rows, alignment and a third deleted are the life of a table.
NOT_QUITE = """
    CREATE TABLE used AS SELECT * FROM orders;
    INSERT INTO used
        SELECT i, 'c' || i % 100, repeat('x', 200 + i % 100) FROM generate_series(1, 6000) i;
    DELETE FROM used WHERE id % 3 = 0;
    CREATE TABLE roomy (id int, note text) WITH (fillfactor = 40);
    INSERT INTO roomy SELECT i, 'note ' || i FROM generate_series(1, 20000) i;
    CREATE TABLE wide (id int, note text);
    ALTER TABLE wide ALTER note SET STORAGE PLAIN;
    INSERT INTO wide SELECT i, repeat('x', 4500) FROM generate_series(1, 1000) i;
    CREATE TABLE gaps (a bool, b int8, c bool, d int8, e bool, f int8);
    INSERT INTO gaps SELECT true, i, true, i, true, i FROM generate_series(1, 20000) i;
    CREATE TABLE little (i int);
    INSERT INTO little SELECT generate_series(1, 20000); DELETE FROM little WHERE i < 19900;
"""
POINTS = """
    CREATE TABLE points (
        id int NOT NULL, x float8 NOT NULL, y float8 NOT NULL,
        a uuid NOT NULL, b uuid NOT NULL, c uuid NOT NULL, d uuid NOT NULL
    );
    INSERT INTO points SELECT i, i, i, u, u, u, u
        FROM generate_series(1, 15000) i, gen_random_uuid() u;
    DELETE FROM points WHERE id % 2 = 0;
"""
AUDITED = """
    CREATE TABLE audited (id int, note text);
    INSERT INTO audited SELECT i, repeat('x', 300) FROM generate_series(1, 5000) i;
    DELETE FROM audited WHERE id % 4 > 0;
    COMMENT ON TABLE audited IS 'Queue. pgvigil:ignore table_bloat: fills daily';
"""
PARTS = """
    CREATE TABLE events (id int, note text) PARTITION BY RANGE (id);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100000);
    INSERT INTO events SELECT i, repeat('x', 300) FROM generate_series(1, 5000) i;
    CREATE MATERIALIZED VIEW report AS SELECT * FROM events;
    CREATE UNIQUE INDEX ON report (id);
    DELETE FROM events WHERE id % 4 > 0;
    REFRESH MATERIALIZED VIEW CONCURRENTLY report;
"""
HOSTILE = (
    'Quoted "name"',
    "it's; DROP TABLE orders; --",
    "new\nline  and\ttab",
    "back\\slash $$ :colon :'x'",
    "émoji 🐘",
    "x" * 63,
    "SELECT",
)
HOSTILE_TABLE = """
    CREATE SCHEMA {0}; CREATE TABLE {0}.{0} (id int, note text);
    INSERT INTO {0}.{0} SELECT i, repeat('x', 400) FROM generate_series(1, 3200) i;
    DELETE FROM {0}.{0} WHERE id % 8 > 0;
"""
FOUND = {"public.orders", "public.points", "public.events_1", "public.report"}

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
    return verdict_of(finding, await snapshot(connection), tracker, mutes, LIMITS)


async def snapshot(connection: "Connection", recorder: Recorder | None = None) -> Snapshot:
    read = user_tables, table_layout, column_statistics, database_sizes
    return await look(connection, *read, recorder=recorder or Recorder(wants=finding.history))


def only(verdict: Verdict) -> Evidence:
    assert len(verdict.subjects) == 1, verdict
    return verdict.subjects[0].evidence


def scene(names: Collection[str]) -> str:
    """Everything that is bloated, and everything that is not quite."""
    hostile = ('"' + name.replace('"', '""') + '"' for name in names)
    tables = "".join(map(HOSTILE_TABLE.format, hostile))
    return BLOATED + NOT_QUITE + POINTS + AUDITED + PARTS + tables


async def test_story(database: Database, psql: Psql, paste: Psql, made: Made, version: int) -> None:
    """Blind without the grant, ill with it, and well once each cure was pasted into psql.

    The estimate meets the truth of the rewrite. Beside it tables that are not quite bloated, what
    is muted, and names that try to break the cure.
    """
    names = HOSTILE if version == 18 else ()
    await made(scene(names))
    async with watching(dsn=database.monitor_dsn) as monitor:
        blind = await verdict(monitor)
        assert [s.evidence.subject for s in blind.subjects] == ["public.points"], "of fixed width"
        assert ("public.orders", GRANT) in {(u.subject, u.grant) for u in blind.unjudged}
        await psql(database.dsn, GRANT)

        said = await look(monitor, comments)
        mutes = Mutes(comments=comments_by_object(said.rows(comments)))
        tracker = VerdictTracker(timing=Timing(hold=False))
        ill = await verdict(monitor, tracker, mutes)
        found = {s.evidence.subject: s.evidence for s in ill.subjects}
        assert found.keys() == FOUND | {identifier(name, name) for name in names}
        assert (ill.state, ill.unjudged) == (State.ill, ())
        assert [subject.muted for subject in ill.muted] == ["fills daily"]
        orders = found["public.orders"]
        assert (orders.severity, orders.database) == (Severity.warning, database.name)
        assert "|2000|" in await paste(database.dsn, orders.check)

        before = await database.fetchval("SELECT pg_relation_size('orders')")
        for evidence in found.values():
            printed = await paste(database.dsn, "\n".join((evidence.check, *evidence.cure)))
            assert not printed.startswith("SET"), "a row is shown"
        healed = await verdict(monitor, tracker, mutes)
        assert (healed.subjects, healed.unjudged) == ((), ())
        given_back = before - await database.fetchval("SELECT pg_relation_size('orders')")
        assert orders.value == pytest.approx(given_back, rel=0.03)


@pytest.mark.versions(18)
async def test_rows_that_are_kept(
    database: Database, psql: Psql, paste: Psql, made: Made, monitor: "Connection"
) -> None:
    """Told before the vacuum, and while a transaction keeps them; its cure ends that first.

    What it pastes frees the rows, and only then a rewrite is offered.
    """
    await made(ORDERS)
    holder = await database.session()
    await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM orders LIMIT 1")
    await psql(database.dsn, "DELETE FROM orders WHERE id % 4 > 0")
    deleted = "SELECT n_dead_tup >= 6000 FROM pg_stat_user_tables WHERE relname = 'orders'"
    await until(lambda: database.fetchval(deleted), "the deletes are counted")

    waiting = await found_now(monitor)
    assert waiting.facts["waits_for_vacuum"] is True
    assert waiting.severity is Severity.info
    assert waiting.facts["bloat_share"] == pytest.approx(0.75, abs=0.02)
    await psql(database.dsn, "VACUUM (ANALYZE) orders")
    kept = await found_now(monitor)
    pid = str(holder.get_server_pid())
    for evidence in (waiting, kept):
        assert f"pid {pid}" in evidence.message
        assert not any(line.startswith("VACUUM (FULL") for line in evidence.cure)
    ends = [at for at, step in enumerate(kept.cure) if "pg_terminate_backend(" in step]
    assert ends, kept.cure
    await paste(database.dsn, "\n".join(kept.cure[: ends[-1] + 1]))
    ended = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)"
    await until(lambda: database.fetchval(ended, int(pid)), "the holder has ended")
    await paste(database.dsn, "\n".join(kept.cure[ends[-1] + 1 :]))
    free = await found_now(monitor)
    assert free.facts["held_by"] is None
    await paste(database.dsn, "\n".join(free.cure))
    assert (await verdict(monitor)).state is State.healthy


async def found_now(monitor: "Connection") -> Evidence:
    """What is found when vacuum and analyze are counted."""

    async def seen() -> Evidence | None:
        holders = xmin_horizon, *CONSULTS
        read = user_tables, table_layout, column_statistics, database_sizes
        learned = Recorder(wants=finding.history)
        now = await look(monitor, *read, *holders, recorder=learned)
        subjects = verdict_of(finding, now, limits=LIMITS).subjects
        return subjects[0].evidence if subjects else None

    evidence = await until(seen, "it is bloated")
    assert evidence
    return evidence


RELOADED = """
    TRUNCATE orders;
    INSERT INTO orders SELECT i, 'c', repeat('x', 900) FROM generate_series(1, 5000) i;
"""
NEVER = "not vacuumed or analysed since it was created or truncated; ANALYZE it"


@pytest.mark.versions(18)
async def test_what_is_not_known(
    database: Database, psql: Psql, made: Made, monitor: "Connection"
) -> None:
    """Never analysed, or truncated since; a new file with the old layout; most rows changed."""
    many = "INSERT INTO orders SELECT -i, 'c', 'x' FROM generate_series(1, 20000) i;"
    await psql(database.dsn, ORDERS + many)
    query = "SELECT n_live_tup > 0 FROM pg_stat_user_tables WHERE relname = 'orders'"
    await until(lambda: database.fetchval(query), "the inserts are counted")
    never = await verdict(monitor)
    assert (never.state, never.reason) == (State.unknown, NEVER)
    await psql(database.dsn, "VACUUM (ANALYZE)")
    before = await snapshot(monitor)
    assert verdict_of(finding, before, limits=LIMITS).state is State.healthy
    await made(RELOADED)
    now = await look(monitor, user_tables, database_sizes)
    later = replace(before, answers={**before.answers, **now.answers})
    found = verdict_of(finding, later, limits=LIMITS)
    assert (found.state, found.subjects) == (State.learning, ())
    assert (await verdict(monitor)).state is State.healthy
    await psql(database.dsn, "UPDATE orders SET note = repeat('y', 500)")
    await until(lambda: database.fetchval(COUNTED), "the updates are counted")
    assert (await verdict(monitor)).reason == "rewritten since the last ANALYZE; ANALYZE it"
    await psql(database.dsn, "VACUUM (ANALYZE)")
    await psql(database.dsn, "TRUNCATE orders")
    await psql(
        database.dsn, "INSERT INTO orders SELECT i, 'c', 'x' FROM generate_series(1, 20000) i"
    )
    await until(lambda: database.fetchval(COUNTED), "the new rows are counted")
    assert (await verdict(monitor)).reason == NEVER


@pytest.mark.versions(18)
async def test_cure_gives_up(
    database: Database, psql: Psql, paste: Psql, monitor: "Connection"
) -> None:
    """Loaded and vacuumed in one session, which reports that afterwards, it is found all the same.

    Beside somebody who works on the table the cure gives up rather than stop everybody.
    """
    await psql(database.dsn, BLOATED + "VACUUM (ANALYZE) orders;")
    await until(lambda: database.fetchval(COUNTED), "the changes are counted, late")
    evidence = only(await verdict(monitor))
    assert (evidence.subject, evidence.severity) == ("public.orders", Severity.info)
    reader = await database.session()
    await reader.execute("BEGIN; SELECT count(*) FROM orders")
    with pytest.raises(AssertionError, match="canceling statement due to lock timeout"):
        await paste(database.dsn, "\n".join(evidence.cure))


async def test_story_of_a_baseline(database: Database, psql: Psql, paste: Psql, made: Made) -> None:
    """Without the right to read widths: what was seen full is known when rows are deleted.

    Its cure frees about what was said; it is well then, and of another load nothing is known.
    """
    recorder = Recorder(wants=finding.history)
    await made(ORDERS)
    async with watching(dsn=database.monitor_dsn) as monitor:

        async def now() -> Verdict:
            return verdict_of(finding, await snapshot(monitor, recorder), limits=LIMITS)

        assert (await now()).unjudged[0].grant == GRANT
        await made("DELETE FROM orders WHERE id % 4 > 0")
        found = only(await now())
        assert (found.subject, found.severity) == ("public.orders", Severity.warning)
        assert found.message.startswith("At least 75 %")
        before = await database.fetchval("SELECT pg_relation_size('orders')")
        await paste(database.dsn, "\n".join(found.cure))
        given_back = before - await database.fetchval("SELECT pg_relation_size('orders')")
        assert found.value == pytest.approx(given_back, rel=0.03)
        assert (await now()).state is State.healthy
        await made("DELETE FROM orders WHERE id % 8 > 0")
        assert (await now()).state is State.healthy, "little is left to free"
        await made(RELOADED)
        assert (await now()).state is State.unknown
