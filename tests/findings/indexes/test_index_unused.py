"""index_unused on real servers: found only where it is certain, and dropped by its own cure."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.indexes.index_unused import finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.mutes import Mutes, comments_by_object
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.comments import comments
from collectors.replication import replication
from collectors.user_indexes import user_indexes
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql, connected
from tests.fixtures.until import until

DAY = 86400.0
# Half a megabyte stands for ten, so that a table takes milliseconds; the days are the real ones.
LIMITS = replace(finding.limits, min_bytes=128 * 1024)
ORDERS = """
    CREATE TABLE orders (id int PRIMARY KEY, customer int, status int, note text);
    CREATE INDEX orders_status ON orders (status, id);
    INSERT INTO orders SELECT i, i % 1000, i % 9, 'note ' || i FROM generate_series(1, 20000) i;
    ANALYZE orders;
"""
USE = """
    SET enable_seqscan = off; SET enable_bitmapscan = off;
    SELECT count(*) FROM orders WHERE status = 3;
"""


class Watch:
    """A daemon's memory of one server, over days that pass in a moment."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", server: str) -> None:
        self.connection = connection
        self.server = server
        self.recorder = Recorder(wants=finding.history)
        self.tracker = VerdictTracker(timing=Timing(hold=False))

    async def on_day(self, day: float, *peers: Snapshot) -> Snapshot:
        return await look(
            self.connection,
            user_indexes,
            replication,
            at=day * DAY,
            recorder=self.recorder,
            peers=peers,
            server=self.server,
        )

    async def verdict(self, day: float, *peers: Snapshot, mutes: Mutes | None = None) -> Verdict:
        return verdict_of(finding, await self.on_day(day, *peers), self.tracker, mutes, LIMITS)


@pytest.fixture
async def watch(database: Database) -> AsyncIterator[Watch]:
    """With the rights of pg_monitor, which are all it takes."""
    async with watching(dsn=database.monitor_dsn) as connection:
        yield Watch(connection, "primary")


async def counted(database: Database, table: str = "orders", rows: int = 1000) -> None:
    """PostgreSQL counts a session's work after its end, not at once."""
    query = "SELECT n_tup_ins >= $2 FROM pg_stat_user_tables WHERE relname = $1"
    await until(lambda: database.fetchval(query, table, rows), f"inserts into {table} are counted")


async def scanned(database: Database, index: str) -> None:
    query = "SELECT sum(idx_scan) > 0 FROM pg_stat_user_indexes WHERE indexrelname LIKE $1"
    await until(lambda: database.fetchval(query, index), f"a scan of {index} is counted")


def subjects(verdict: Verdict) -> list[str]:
    return [subject.evidence.subject for subject in verdict.subjects]


def only(verdict: Verdict) -> Evidence:
    assert len(verdict.subjects) == 1, subjects(verdict)
    return verdict.subjects[0].evidence


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql, watch: Watch) -> None:
    """Learning first, ill when the window is full, and gone once its cure was pasted into psql."""
    await psql(database.dsn, ORDERS)
    await counted(database)

    first = await watch.verdict(0)
    assert first.state is State.learning
    assert [u.until for u in first.unjudged] == [35 * DAY]
    assert (await watch.verdict(34.9)).state is State.learning

    ill = await watch.verdict(35)
    evidence = only(ill)
    assert (ill.state, evidence.severity) == (State.ill, Severity.info)
    assert evidence.subject == "public.orders_status"
    assert evidence.database == database.name
    assert evidence.facts["unused_seconds"] == 35 * DAY
    assert evidence.value == await database.fetchval("SELECT pg_relation_size('orders_status')")
    assert "orders_status" in await paste(database.dsn, evidence.check)

    printed = await paste(database.dsn, "\n".join(evidence.cure))
    assert "CREATE INDEX orders_status ON public.orders" in printed
    assert (await watch.verdict(35.1)).state is State.healthy


async def test_large_is_a_warning(database: Database, psql: Psql, watch: Watch) -> None:
    """What takes a lot of space is to be acted upon this week."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    small = replace(LIMITS, warn_bytes=LIMITS.min_bytes)
    assert only(verdict_of(finding, await watch.on_day(35), limits=small)).severity is (
        Severity.warning
    )


async def test_nothing_that_serves_otherwise(database: Database, psql: Psql, watch: Watch) -> None:
    """What enforces, marks or supports something is not reported, nor what is small or at rest."""
    await psql(
        database.dsn,
        """
        CREATE TABLE parent (id int PRIMARY KEY, code int NOT NULL, span int4range, kept int);
        INSERT INTO parent SELECT i, i, int4range(i, i + 1), i FROM generate_series(1, 20000) i;
        CREATE UNIQUE INDEX is_unique ON parent (code);
        ALTER TABLE parent ADD CONSTRAINT is_exclusion EXCLUDE USING gist (span WITH &&);
        CREATE INDEX is_clustered ON parent (kept); CLUSTER parent USING is_clustered;
        CREATE TABLE replicated (id int NOT NULL, note text);
        INSERT INTO replicated SELECT i FROM generate_series(1, 20000) i;
        CREATE UNIQUE INDEX is_identity ON replicated (id);
        ALTER TABLE replicated REPLICA IDENTITY USING INDEX is_identity;
        CREATE TABLE child (a int, b int, c int);
        INSERT INTO child SELECT i, i, i FROM generate_series(1, 20000) i;
        ALTER TABLE parent ADD UNIQUE (kept, code);
        ALTER TABLE child ADD FOREIGN KEY (a, b) REFERENCES parent (kept, code);
        CREATE INDEX supports_fk ON child (b, a, c);
        CREATE TABLE resting AS SELECT i FROM generate_series(1, 20000) i;
        CREATE INDEX is_resting ON resting (i);
        CREATE TABLE little AS SELECT 1 AS i FROM generate_series(1, 5000) i;
        CREATE INDEX is_little ON little (i);
        ANALYZE;
        """,
    )
    for table in ("parent", "replicated", "child", "little"):
        await counted(database, table)
    # What a table was loaded with counts as written; without that it has never been touched.
    await database.execute("SELECT pg_stat_reset_single_table_counters('resting'::regclass)")
    await until(
        lambda: database.fetchval(
            "SELECT n_tup_ins = 0 FROM pg_stat_user_tables WHERE relname = 'resting'"
        ),
        "the counters of a table are reset",
    )
    await watch.on_day(0)
    verdict = await watch.verdict(400)
    assert (verdict.state, subjects(verdict), verdict.unjudged) == (State.healthy, [], ())


async def test_used_on_the_primary(database: Database, psql: Psql, watch: Watch) -> None:
    """One scan within the window is enough to leave an index alone, for a whole window more."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    await psql(database.dsn, USE)
    await scanned(database, "orders_status")
    verdict = await watch.verdict(35)
    assert (verdict.state, verdict.unjudged) == (State.healthy, ())


@pytest.mark.versions(14, 15)
async def test_no_longer_used(database: Database, psql: Psql, watch: Watch) -> None:
    """A use in the past is forgotten when the window after it is full."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    await psql(database.dsn, USE)
    await scanned(database, "orders_status")
    assert (await watch.verdict(10)).state is State.healthy
    assert (await watch.verdict(44.9)).state is State.healthy
    assert only(await watch.verdict(45)).facts["unused_seconds"] == 35 * DAY


@pytest.mark.versions(16, 18)
async def test_last_scan_speaks_for_the_past(database: Database, psql: Psql, watch: Watch) -> None:
    """Where PostgreSQL knows the last scan, a use long ago is proof at the very first look."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await psql(database.dsn, USE)
    await scanned(database, "orders_status")
    snapshot = await watch.on_day(0)
    rows = [replace(row, last_idx_scan_seconds=40 * DAY) for row in snapshot.rows(user_indexes)]
    answer = replace(snapshot.answer(user_indexes), rows=rows)
    aged = replace(snapshot, answers={**snapshot.answers, user_indexes: answer})
    assert only(verdict_of(finding, aged, limits=LIMITS)).facts["unused_seconds"] == 40 * DAY


async def test_reset_starts_anew(database: Database, psql: Psql, watch: Watch) -> None:
    """Counters that were reset prove nothing of the time before."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    await database.execute("SELECT pg_stat_reset()")
    await psql(database.dsn, "UPDATE orders SET note = 'new'")
    query = "SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'orders'"
    await until(lambda: database.fetchval(query), "updates after the reset are counted")
    verdict = await watch.verdict(36)
    assert verdict.state is State.learning
    assert [u.until for u in verdict.unjudged] == [71 * DAY]


@pytest.mark.versions(14, 18)
async def test_crash_starts_anew(private_server, psql: Psql) -> None:  # type: ignore[no-untyped-def]
    """A crash empties all counters without dating a reset; that is seen, and proves nothing."""
    server = private_server()
    await psql(server.dsn(), ORDERS)
    async with watching(dsn=server.dsn()) as connection:
        before = Watch(connection, "primary")
        await before.on_day(0)
    server.kill()
    server.start()
    await psql(server.dsn(), "UPDATE orders SET note = 'new'")
    async with watching(dsn=server.dsn()) as connection:
        before.connection = connection
        query = "SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'orders'"
        await until(lambda: connection.fetchval(query), "updates after the crash are counted")
        assert (await before.verdict(36)).state is State.learning


async def test_foreign_key_that_is_not_served(database: Database, psql: Psql, watch: Watch) -> None:
    """An index on a foreign key is reported only if parents were deleted and it was not used."""
    await psql(
        database.dsn,
        """
        CREATE TABLE customer (id int PRIMARY KEY);
        INSERT INTO customer SELECT generate_series(1, 3000);
        CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer);
        INSERT INTO orders SELECT i, i % 2000 + 1 FROM generate_series(1, 20000) i;
        CREATE INDEX orders_customer ON orders (customer, id);
        ANALYZE;
        """,
    )
    await counted(database)
    await watch.on_day(0)
    assert (await watch.verdict(36)).state is State.healthy

    # A sequential scan serves this delete, as a plan made for a small table would.
    await psql(
        database.dsn,
        "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;"
        "DELETE FROM customer WHERE id = 2500;",
    )
    query = "SELECT n_tup_del > 0 FROM pg_stat_user_tables WHERE relname = 'customer'"
    await until(lambda: database.fetchval(query), "the delete is counted")
    assert (await watch.verdict(37)).state is State.healthy
    assert only(await watch.verdict(37.01)).subject == "public.orders_customer"


async def test_partitioned(database: Database, psql: Psql, paste: Psql, watch: Watch) -> None:
    """An index of a partitioned table is one subject, judged by all its parts and dropped whole."""
    await psql(
        database.dsn,
        """
        CREATE TABLE events (id int, at int, kind int) PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10000);
        CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10000) TO (20001);
        CREATE INDEX unused_kind ON events (kind, id);
        CREATE INDEX used_at ON events (at, id);
        INSERT INTO events SELECT i, i, i % 9 FROM generate_series(1, 20000) i;
        ANALYZE;
        """,
    )
    await counted(database, "events_2")
    await watch.on_day(0)
    await psql(database.dsn, "SET enable_seqscan = off; SELECT id FROM events WHERE at = 12345;")
    await scanned(database, "events_2_at%")
    await psql(
        database.dsn, "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20001) TO (30000)"
    )
    await watch.on_day(30)

    evidence = only(await watch.verdict(35))
    assert evidence.subject == "public.unused_kind"
    assert evidence.facts["parts"] == 3
    assert "events_2_kind_id_idx" in await paste(database.dsn, evidence.check)
    await paste(database.dsn, "\n".join(evidence.cure))
    assert (await watch.verdict(35.1)).state is State.healthy
    assert await database.fetchval("SELECT to_regclass('events_2_kind_id_idx')") is None


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
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_names(
    database: Database, psql: Psql, paste: Psql, watch: Watch, name: str
) -> None:
    """Whatever index, table and schema are called, check and cure are statements that work."""
    quoted = '"' + name.replace('"', '""') + '"'
    await psql(
        database.dsn,
        f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.orders (i int);"
        f"CREATE INDEX {quoted} ON {quoted}.orders (i);"
        f"INSERT INTO {quoted}.orders SELECT generate_series(1, 20000); ANALYZE;",
    )
    await counted(database)
    await watch.on_day(0)
    evidence = only(await watch.verdict(35))
    await paste(database.dsn, evidence.check)
    await paste(database.dsn, "\n".join(evidence.cure))
    assert (await watch.verdict(35.1)).state is State.healthy
    assert await database.fetchval("SELECT count(*) FROM pg_class WHERE relname = $1", name) == 0


@pytest.mark.parametrize("on", ["INDEX orders_status", "TABLE orders"])
async def test_muted_by_comment(database: Database, psql: Psql, watch: Watch, on: str) -> None:
    """A comment on the index, or on its table, mutes it; it stays listed with the reason."""
    await psql(
        database.dsn,
        f"{ORDERS} COMMENT ON {on} IS 'For audits. pgvigil:ignore index_unused: yearly report';",
    )
    await counted(database)
    await watch.on_day(0)
    said = await look(watch.connection, comments)
    mutes = Mutes(comments=comments_by_object(said.rows(comments)))
    verdict = await watch.verdict(35, mutes=mutes)
    assert verdict.state is State.muted
    assert [subject.muted for subject in verdict.muted] == ["yearly report"]


async def test_cure_waits_for_open_transactions(
    database: Database, psql: Psql, paste: Psql, watch: Watch
) -> None:
    """Beside an open transaction the cure waits, and leaves nothing invalid behind."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    cure = "\n".join(only(await watch.verdict(35)).cure)
    reader = await database.session()
    transaction = reader.transaction()
    await transaction.start()
    await reader.execute("SELECT count(*) FROM orders")

    pasting = asyncio.create_task(paste(database.dsn, cure))
    await until(lambda: database.fetchval(WAITING), "the cure waits for the open transaction")
    await transaction.rollback()
    await pasting
    assert await database.fetchval("SELECT to_regclass('orders_status')") is None
    assert await database.fetchval(INVALID) == 0


async def test_interrupted_cure_is_cleaned_up(
    database: Database, psql: Psql, paste: Psql, watch: Watch
) -> None:
    """An interrupted cure leaves an index that is invalid, not unused; its advice removes it."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    cure = only(await watch.verdict(35)).cure
    reader = await database.session()
    await reader.execute("BEGIN; SELECT count(*) FROM orders")

    pasting = asyncio.create_task(paste(database.dsn, "\n".join(cure)))
    pid = await until(lambda: database.fetchval(WAITING), "the cure waits")
    await database.execute("SELECT pg_cancel_backend($1)", pid)
    with pytest.raises(AssertionError, match="canceling statement due to user request"):
        await pasting
    await reader.execute("ROLLBACK")
    assert await database.fetchval(INVALID) == 1
    assert (await watch.verdict(35.05)).state is State.healthy

    assert "run DROP INDEX CONCURRENTLY again" in cure[-1]
    again = next(line for line in cure if line.startswith("DROP INDEX CONCURRENTLY"))
    await paste(database.dsn, again)
    assert await database.fetchval(INVALID) == 0
    assert (await watch.verdict(35.1)).state is State.healthy


WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'DROP INDEX CONCURRENTLY%'
        AND wait_event_type = 'Lock'
"""
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"


@pytest.mark.versions(14, 18)
async def test_standbys_are_asked(private_server, standby, psql: Psql) -> None:  # type: ignore[no-untyped-def]
    """What a standby uses is left alone; a standby that can't be asked makes it unknown."""
    primary = private_server()
    await psql(primary.dsn(), ORDERS)
    replica = standby(primary)
    async with (
        watching(dsn=primary.dsn()) as here,
        watching(dsn=replica.dsn()) as there,
        connected(replica.dsn()) as reader,
    ):
        watch, other = Watch(here, "primary"), Watch(there, "standby")
        await until(
            lambda: here.fetchval("SELECT count(replay_lsn) FROM pg_stat_replication"),
            "the standby streams",
        )
        await watch.on_day(0)

        unseen = await watch.verdict(35)
        assert unseen.state is State.unknown
        assert unseen.reason == "1 standby not watched, may use what is unused here"

        await other.on_day(34)
        learning = await watch.verdict(35, await other.on_day(35))
        assert (learning.state, learning.unjudged[0].until) == (State.learning, 69 * DAY)

        ill = await watch.verdict(69, await other.on_day(69))
        assert "on any of 2 servers for 35 days" in only(ill).message

        deaf = replace(
            await other.on_day(69.01), answers={}, absent={user_indexes: Absence("down")}
        )
        blind = await watch.verdict(69.01, deaf)
        assert blind.state is State.unknown
        assert [subject.held for subject in blind.subjects] == [True]
        assert "standby can't be asked now" in blind.reason

        await reader.execute(USE)
        await until(
            lambda: reader.fetchval(
                "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'orders_status'"
            ),
            "the scan on the standby is counted",
        )
        used = await watch.verdict(71, await other.on_day(71))
        assert (used.state, subjects(used)) == (State.healthy, [])


async def test_not_asked_is_unknown(database: Database, watch: Watch) -> None:
    """Without an answer of the collector nothing is known."""
    snapshot = await look(watch.connection)
    assert verdict_of(finding, snapshot).state is State.unknown
