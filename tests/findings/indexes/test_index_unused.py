"""index_unused on real servers: found only where it is certain, and dropped by its own cure."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.cure import identifier
from alerts.findings.indexes.index_unused import finding
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.mutes import Mutes, comments_by_object
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.comments import comments
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.user_indexes import user_indexes
from collectors.wal_receiver import wal_receiver
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql, connected
from tests.fixtures.until import until

DAY = 86400.0
# 64 kB stand for ten megabytes, so that a table takes milliseconds; the days are the real ones.
LIMITS = replace(finding.limits, min_bytes=64 * 1024, min_writes=1)
ORDERS = """
    CREATE TABLE orders (id int PRIMARY KEY, customer int, status int, note text);
    CREATE INDEX orders_status ON orders (status, id);
    INSERT INTO orders SELECT i, i % 1000, i % 9, 'note ' || i FROM generate_series(1, 4000) i;
    ANALYZE orders;
"""
AUDITED = """
    CREATE TABLE audited (id int, code int);
    CREATE INDEX by_code ON audited (code, id);
    CREATE INDEX by_id ON audited (id, code);
    INSERT INTO audited SELECT i, i FROM generate_series(1, 4000) i;
    COMMENT ON INDEX by_code IS 'For audits. pgvigil:ignore index_unused: yearly report';
    CREATE TABLE reported (id int);
    CREATE INDEX by_report ON reported (id);
    INSERT INTO reported SELECT generate_series(1, 4000);
    COMMENT ON TABLE reported IS 'pgvigil:ignore index_unused: monthly report';
"""
EVENTS = """
    CREATE TABLE events (id int, at int, kind int) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (2000);
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (2000) TO (4001);
    CREATE INDEX unused_kind ON events (kind, id);
    CREATE INDEX used_at ON events (at, id);
    INSERT INTO events SELECT i, i, i % 9 FROM generate_series(1, 4000) i;
"""
# `resting` is not written after it was loaded.
IN_USE_OTHERWISE = """
    CREATE TABLE parent (id int PRIMARY KEY, code int NOT NULL, span int4range, kept int);
    INSERT INTO parent SELECT i, i, int4range(i, i + 1), i FROM generate_series(1, 4000) i;
    CREATE UNIQUE INDEX is_unique ON parent (code);
    ALTER TABLE parent ADD CONSTRAINT is_exclusion EXCLUDE USING gist (span WITH &&);
    CREATE INDEX is_clustered ON parent (kept); CLUSTER parent USING is_clustered;
    CREATE TABLE replicated (id int NOT NULL, note text);
    INSERT INTO replicated SELECT i FROM generate_series(1, 4000) i;
    CREATE UNIQUE INDEX is_identity ON replicated (id);
    ALTER TABLE replicated REPLICA IDENTITY USING INDEX is_identity;
    CREATE TABLE child (a int, b int, c int);
    INSERT INTO child SELECT i, i, i FROM generate_series(1, 4000) i;
    ALTER TABLE parent ADD UNIQUE (kept, code);
    ALTER TABLE child ADD FOREIGN KEY (a, b) REFERENCES parent (kept, code);
    CREATE INDEX supports_fk ON child (b, a, c);
    CREATE TABLE resting AS SELECT i FROM generate_series(1, 4000) i;
    CREATE INDEX is_resting ON resting (i);
    CREATE TABLE little AS SELECT 1 AS i FROM generate_series(1, 5000) i;
    CREATE INDEX is_little ON little (i);
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
HOSTILE_INDEX = """
    CREATE SCHEMA {0}; CREATE TABLE {0}.hostile (i int);
    CREATE INDEX {0} ON {0}.hostile (i);
    INSERT INTO {0}.hostile SELECT generate_series(1, 4000);
"""
LEFT = "SELECT array_agg(relname) FROM pg_class WHERE relkind IN ('i', 'I') AND relname = ANY ($1)"
USE_STATUS = """
    SET enable_seqscan = off; SET enable_bitmapscan = off;
    SELECT count(*) FROM orders WHERE status = 3;
"""
USE = """
    SET enable_seqscan = off; SET enable_bitmapscan = off;
    SELECT id FROM events WHERE at = 2345;
    SELECT count(*) FROM audited WHERE id = 3;
"""
WRITE = """
    SELECT pg_catalog.format(
        'DELETE FROM %s WHERE ctid IN (SELECT ctid FROM %1$s LIMIT 1)', oid::regclass
    )
    FROM pg_class
    WHERE relkind = 'r' AND relnamespace >= 2200 AND relname NOT IN ('resting', 'parent')
        AND relnamespace <> 'information_schema'::regnamespace
    \\gexec
"""
WRITTEN = """
    SELECT bool_and(n_tup_del > 0) FROM pg_stat_user_tables
    WHERE n_tup_ins > 0 AND relname NOT IN ('resting', 'parent')
"""
WRITE_ORDERS = "UPDATE orders SET note = 'written' WHERE id <= 100"
USED = """
    SELECT count(*) FILTER (WHERE idx_scan > 0) = 2 FROM pg_stat_user_indexes
    WHERE indexrelname IN ('events_2_at_id_idx', 'by_id')
"""


class Watch:
    """A daemon's memory of one server, over days that pass in a moment."""

    def __init__(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        server: str,
        memory: Memory | None = None,
    ) -> None:
        self.connection = connection
        self.server = server
        self.recorder = Recorder(finding.history, memory)
        self.tracker = VerdictTracker(timing=Timing(hold=False))

    async def on_day(self, day: float, *peers: Snapshot) -> Snapshot:
        return await look(
            self.connection,
            user_indexes,
            replication,
            replication_slots,
            wal_receiver,
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


async def counted(database: Database, table: str = "orders") -> None:
    """On 14 what a session did is shown half a second after its end."""
    query = "SELECT n_tup_ins >= 1000 FROM pg_stat_user_tables WHERE relname = $1"
    await until(lambda: database.fetchval(query, table), f"inserts into {table} are counted")


async def written(database: Database, psql: Psql) -> None:
    await psql(database.dsn, WRITE_ORDERS)
    query = "SELECT n_tup_upd >= 100 FROM pg_stat_user_tables WHERE relname = 'orders'"
    await until(lambda: database.fetchval(query), "an update is counted")


def subjects(verdict: Verdict) -> list[str]:
    return [subject.evidence.subject for subject in verdict.subjects]


def only(verdict: Verdict) -> Evidence:
    assert len(verdict.subjects) == 1, subjects(verdict)
    return verdict.subjects[0].evidence


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def scene(database: Database, psql: Psql, names: Collection[str]) -> set[str]:
    """Fills the database; the names of the indexes that are to be found."""
    hostile = "".join(HOSTILE_INDEX.format(quoted(name)) for name in names)
    await psql(database.dsn, ORDERS + AUDITED + EVENTS + IN_USE_OTHERWISE + hostile + "ANALYZE;")
    for table in (
        "orders",
        "audited",
        "events_2",
        "parent",
        "replicated",
        "child",
        *("hostile",) * bool(names),
    ):
        await counted(database, table)
    hostile_names = {identifier(name, name) for name in names}
    return {"public.orders_status", "public.unused_kind", *hostile_names}


async def test_story(
    database: Database, psql: Psql, paste: Psql, watch: Watch, version: int
) -> None:
    """Learning, ill when the window is full, and well once each cure was pasted into psql.

    Beside it all that serves otherwise, what is muted, and names that try to break the cure.
    """
    names = HOSTILE if version in (14, 18) else ()
    expected = await scene(database, psql, names)
    first = await watch.verdict(0)
    assert first.state is State.learning
    assert {u.until for u in first.unjudged} == {35 * DAY}

    await psql(database.dsn, USE)
    await psql(database.dsn, WRITE)
    await until(lambda: database.fetchval(USED), "the use is counted")
    await until(lambda: database.fetchval(WRITTEN), "the writes are counted")
    said = await look(watch.connection, comments)
    mutes = Mutes(comments=comments_by_object(said.rows(comments)))
    ill = await watch.verdict(35, mutes=mutes)
    assert (ill.state, set(subjects(ill)), ill.unjudged) == (State.ill, expected, ())
    assert {subject.muted for subject in ill.muted} == {"yearly report", "monthly report"}
    found = {subject.evidence.subject: subject.evidence for subject in ill.subjects}
    evidence = found["public.orders_status"]
    assert (evidence.severity, evidence.database) == (Severity.info, database.name)
    assert evidence.facts["unused_seconds"] == 35 * DAY
    assert evidence.value == await database.fetchval("SELECT pg_relation_size('orders_status')")
    assert found["public.unused_kind"].facts["parts"] == 2

    cures = ("\n".join((one.check, *one.cure)) for one in found.values())
    printed = await paste(database.dsn, "\n".join(cures))
    assert printed.count("|0|") >= len(expected), "each check shows that it has no scans"
    assert printed.count("CREATE INDEX ") == len(expected), "each can be made again"
    healed = await watch.verdict(35.1, mutes=mutes)
    assert (subjects(healed), healed.unjudged) == ([], ())
    assert not await database.fetchval(LEFT, [*names, "events_2_kind_id_idx"])


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
    async with watching(dsn=server.dsn()) as connection:
        before.connection = connection
        assert (await before.verdict(36)).state is State.learning
        await psql(server.dsn(), "UPDATE orders SET note = 'new'")
        query = "SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'orders'"
        await until(lambda: connection.fetchval(query), "updates after the crash are counted")
        assert (await before.verdict(37)).state is State.learning


@pytest.mark.versions(14, 18)
async def test_cure_waits_for_open_transactions(
    database: Database, psql: Psql, paste: Psql, watch: Watch
) -> None:
    """Beside an open transaction the cure waits, and leaves nothing invalid behind."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    await written(database, psql)
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


@pytest.mark.versions(14, 18)
async def test_interrupted_cure_is_cleaned_up(
    database: Database, psql: Psql, paste: Psql, watch: Watch
) -> None:
    """An interrupted cure leaves an index that is invalid, not unused; its advice removes it."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    await written(database, psql)
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
        memory = Memory()
        watch, other = Watch(here, "primary", memory), Watch(there, "standby", memory)
        await until(
            lambda: here.fetchval("SELECT count(replay_lsn) FROM pg_stat_replication"),
            "the standby streams",
        )
        await watch.on_day(0)
        await psql(primary.dsn(), WRITE_ORDERS)
        updated = "SELECT n_tup_upd >= 100 FROM pg_stat_user_tables WHERE relname = 'orders'"
        await until(lambda: here.fetchval(updated), "an update is counted")

        unseen = await watch.verdict(35)
        assert unseen.state is State.unknown
        assert unseen.reason.startswith("1 server of the cluster (walreceiver) not watched")

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
        assert "standby can't be queried now" in blind.reason

        await reader.execute(USE_STATUS)
        await until(
            lambda: reader.fetchval(
                "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'orders_status'"
            ),
            "the scan on the standby is counted",
        )
        used = await watch.verdict(71, await other.on_day(71))
        assert (used.state, subjects(used)) == (State.healthy, [])


@pytest.mark.versions(14, 18)
async def test_standby_that_is_down_is_missed(private_server, standby, psql: Psql) -> None:  # type: ignore[no-untyped-def]
    """Of three nodes one is not watched; that it is stopped makes nothing known."""
    primary = private_server()
    await psql(primary.dsn(), ORDERS)
    watched, other = standby(primary, slot="b"), standby(primary, slot="c")
    async with watching(dsn=primary.dsn()) as here, watching(dsn=watched.dsn()) as there:
        memory = Memory()
        first, second = Watch(here, "a", memory), Watch(there, "b", memory)
        replaying = "SELECT count(replay_lsn) = 2 FROM pg_stat_replication"
        await until(lambda: here.fetchval(replaying), "both standbys stream")
        await first.on_day(0, await second.on_day(0))
        await psql(primary.dsn(), WRITE_ORDERS)
        updated = "SELECT n_tup_upd >= 100 FROM pg_stat_user_tables WHERE relname = 'orders'"
        await until(lambda: here.fetchval(updated), "an update is counted")
        assert "(c) not watched" in (await first.verdict(35, await second.on_day(35))).reason

        other.stop()
        gone = "SELECT count(*) = 1 FROM pg_stat_replication"
        await until(lambda: here.fetchval(gone), "one standby is gone")
        await here.execute("SELECT pg_drop_replication_slot('c')")
        verdict = await first.verdict(36, await second.on_day(36))
        assert (verdict.state, subjects(verdict)) == (State.unknown, [])
        forgotten = replace(LIMITS, forgotten=("c",))
        snapshot = await first.on_day(36.1, await second.on_day(36.1))
        assert (
            "on any of 2 servers" in only(verdict_of(finding, snapshot, limits=forgotten)).message
        )


PARENT = """
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (parent int REFERENCES parent, note text);
    CREATE INDEX child_parent ON child (parent);
    INSERT INTO parent SELECT generate_series(1, 8000);
    INSERT INTO child SELECT i, 'note' FROM generate_series(1, 4000) i;
    ANALYZE;
"""
SCANNED = """
    SELECT idx_scan > 0 AND pg_stat_get_tuples_deleted('parent'::regclass) > 0
    FROM pg_stat_user_indexes WHERE indexrelname = 'child_parent'
"""


@pytest.mark.versions(14, 18)
async def test_deletes_of_parents_use_it(database: Database, psql: Psql, watch: Watch) -> None:
    """That no query has scanned it since proves nothing: the next delete would."""
    await psql(database.dsn, PARENT)
    await watch.on_day(0)
    await psql(database.dsn, "DELETE FROM parent WHERE id = 6000")
    await until(lambda: database.fetchval(SCANNED), "the delete and its scan are counted")
    for day in (1, 1.01, 2, 37, 80):
        verdict = await watch.verdict(day)
        assert (verdict.state, subjects(verdict)) == (State.healthy, [])


@pytest.mark.versions(14, 18)
async def test_reindexed(database: Database, psql: Psql, watch: Watch) -> None:
    """The window goes on over REINDEX CONCURRENTLY."""
    await psql(database.dsn, ORDERS)
    await counted(database)
    await watch.on_day(0)
    await written(database, psql)
    await psql(database.dsn, "REINDEX INDEX CONCURRENTLY orders_status")
    assert subjects(await watch.verdict(35)) == ["public.orders_status"]
