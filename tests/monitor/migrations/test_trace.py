"""A file on the empty clone: what each statement does there, and what it may not do."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from alerts.migrations.kind import Kind, kind, worst
from alerts.migrations.lock_mode import Blocked
from alerts.migrations.traced import Relation, Traced
from monitor.migrations import clone_session, trace
from monitor.migrations.clone import load
from monitor.migrations.live_names import LiveNames
from monitor.migrations.parsing import parsed
from monitor.migrations.scratch import MIGRATOR, Scratch, scratch_server
from monitor.migrations.script import pieces
from tests.fixtures.until import until

pytestmark = pytest.mark.tool

SCHEMA = """
    CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;
    CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
    CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA public;
    CREATE SCHEMA "Odd one";
    CREATE TYPE mood AS ENUM ('ok', 'ill');
    CREATE TABLE customers (id bigint PRIMARY KEY, email text, name varchar(50), feels mood);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, total int, note text);
    CREATE INDEX orders_total ON orders (total);
    CREATE TABLE "Odd one"."My ""table""; --" (id int, "select" text, h public.hstore, r int4range);
    CREATE TABLE visits (at timestamp);
    CREATE TABLE a (id int PRIMARY KEY, b int);
    CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
    ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
    CREATE TABLE p (id int, at date) PARTITION BY RANGE (at);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
"""
INSTANT = "ALTER TABLE orders ADD x int"
KINDS = [
    (INSTANT, Kind.instant, Blocked.all),
    ("ALTER TABLE orders ADD y uuid DEFAULT public.uuid_generate_v4()", Kind.rewrite, Blocked.all),
    ("ALTER TABLE orders ALTER total TYPE bigint", Kind.rewrite, Blocked.all),
    ("ALTER TABLE customers ALTER name TYPE varchar(90)", Kind.instant, Blocked.all),
    ("ALTER TABLE orders ALTER total SET NOT NULL", Kind.scan, Blocked.all),
    ("ALTER TABLE orders ADD CHECK (total > 0) NOT VALID", Kind.instant, Blocked.all),
    ("ALTER TABLE orders VALIDATE CONSTRAINT orders_total_check", Kind.scan, Blocked.none),
    (
        "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers",
        Kind.scan,
        Blocked.writers,
    ),
    ("CREATE INDEX note ON orders (note)", Kind.index_build, Blocked.writers),
    ("CREATE INDEX CONCURRENTLY ON orders (note, total)", Kind.index_build, Blocked.none),
    ("DROP INDEX CONCURRENTLY note", Kind.instant, Blocked.none),
    ("DROP INDEX orders_total", Kind.instant, Blocked.all),
    ("REINDEX TABLE orders", Kind.index_build, Blocked.all),
    ("VACUUM FULL orders", Kind.rewrite, Blocked.all),
    ("TRUNCATE orders", Kind.instant, Blocked.all),
    (
        'ALTER TABLE "Odd one"."My ""table""; --" ALTER "select" SET NOT NULL',
        Kind.scan,
        Blocked.all,
    ),
    ("ALTER TABLE b ALTER a TYPE bigint", Kind.rewrite, Blocked.all),
    ("CREATE INDEX ON p (id)", Kind.index_build, Blocked.writers),
    ("CREATE TABLE fresh (id int)", Kind.instant, Blocked.none),
    ("ALTER TABLE fresh ALTER id TYPE text", Kind.instant, Blocked.none),
    ("UPDATE orders SET total = 1", Kind.data, Blocked.none),
    ("DO $$BEGIN PERFORM 1; END$$", Kind.unknown, Blocked.none),
    ("ALTER TYPE mood ADD VALUE 'so'", Kind.instant, Blocked.none),
]


@pytest.fixture
async def scratch() -> AsyncIterator[Scratch]:
    async with scratch_server(["app"]) as one:
        loaded = await load(one, SCHEMA)
        assert loaded.lacking == ("the extension dblink is not in the clone",)
        yield one
    assert not one.server.folder.exists()


async def traced(scratch: Scratch, script: str) -> list[Traced]:
    tracer = await trace.Tracer.start(scratch, lacking=False)
    try:
        return await tracer.run(parsed(list(pieces(script))))
    finally:
        tracer.close()


async def test_kinds_and_blocked_sessions(scratch: Scratch) -> None:
    """Each statement in a transaction of its own; what the file makes blocks no session."""
    found = await traced(scratch, ";\n".join(sql for sql, *_ in KINDS))
    shown = [(one.statement.text, kind(one), worst(one)) for one in found]
    # A table of the file is rewritten, but there is nobody else who knows it.
    assert shown == KINDS


async def test_a_transaction_of_the_file(scratch: Scratch) -> None:
    """Its statements share a block; a failure ends it, and a rollback undoes what it did."""
    found = await traced(
        scratch,
        "SET lock_timeout = '2s'; BEGIN; ALTER TABLE orders ADD x int; DROP TABLE nowhere;"
        "ALTER TABLE orders ADD y int; ROLLBACK; ALTER TABLE orders ADD x int;"
        "BEGIN; CREATE INDEX CONCURRENTLY ON orders (note); COMMIT",
    )
    _, begin, first, fails, after, _, again, _, alone, _ = found
    assert begin.block is None
    assert first.block == fails.block == after.block
    assert first.lock_timeout == 2
    assert fails.failure
    assert fails.failure.sqlstate == "42P01"
    assert after.unknown == "statement 4 fails in its transaction"
    assert again.block is None
    assert (kind(again), again.failure) == (Kind.instant, None)
    assert alone.failure
    assert "cannot run inside a transaction block" in alone.failure.message


async def test_a_transaction_that_begins_with_the_end_of_another(scratch: Scratch) -> None:
    """It is a block of its own: it holds no lock of the last one, and its scans are seen."""
    found = await traced(
        scratch,
        "BEGIN; ALTER TABLE orders ALTER total SET NOT NULL; COMMIT AND CHAIN;"
        "ALTER TABLE orders ADD c int; ALTER TABLE orders ALTER note SET NOT NULL;"
        "ROLLBACK AND CHAIN; ALTER TABLE orders ADD c int; COMMIT",
    )
    _, first, _, adds, scans, _, again, _ = found
    assert len({one.block for one in (first, adds, again)}) == 3
    assert adds.block == scans.block
    assert [kind(one) for one in (first, adds, scans, again)] == [
        *(Kind.scan, Kind.instant, Kind.scan, Kind.instant)
    ]
    assert [worst(one) for one in (adds, again)] == [Blocked.all] * 2
    assert [one.failure for one in found if one.failure] == []


async def test_what_fails_on_any_server(scratch: Scratch) -> None:
    """It is not the clone that refuses it."""
    found = await traced(
        scratch,
        "CREATE TABLE p0 PARTITION OF p DEFAULT; ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;"
        "CREATE MATERIALIZED VIEW once AS SELECT 1 AS x; BEGIN; ALTER TYPE mood ADD VALUE 'new';"
        "INSERT INTO customers (id, feels) VALUES (1, 'new'); ROLLBACK;"
        "REFRESH MATERIALIZED VIEW CONCURRENTLY once",
    )
    told = [one.failure.sqlstate for one in found if one.failure]
    assert told == ["55000", "55P04", "55000"]


async def test_new_columns_that_their_type_gives_a_value(scratch: Scratch) -> None:
    """A domain's default is one of the column, as the file's own search_path finds the domain."""
    found = await traced(
        scratch,
        """CREATE SCHEMA app; CREATE DOMAIN app."Cents" AS int DEFAULT 0;
        CREATE DOMAIN app.tips AS app."Cents"; CREATE DOMAIN bare AS int;
        ALTER TABLE orders ADD c1 app."Cents" NOT NULL, ADD c2 app.tips NOT NULL,
            ADD c3 int NOT NULL, ADD c4 bare NOT NULL, ADD c5 app.tips[] NOT NULL;
        BEGIN; SET LOCAL search_path = app, public; ALTER TABLE orders ADD c6 tips NOT NULL;
        ALTER TABLE orders ADD c7 tips; COMMIT""",
    )
    assert [one.filled for one in found if one.filled] == [("c1", "c2"), ("c6",), ("c7",)]
    assert not [one.failure or one.refused for one in found if one.failure or one.refused]


async def test_new_columns_whose_type_takes_no_null(scratch: Scratch) -> None:
    """A domain that is NOT NULL, or whose CHECK says so, or that is made of such a domain."""
    found = await traced(
        scratch,
        """CREATE DOMAIN full_text AS text NOT NULL; CREATE DOMAIN longer AS full_text;
        CREATE DOMAIN known AS int CHECK (VALUE IS NOT NULL); CREATE DOMAIN above AS int
            CHECK (VALUE > 0); CREATE DOMAIN zero AS int NOT NULL DEFAULT 0;
        ALTER TABLE orders ADD c1 full_text, ADD c2 longer, ADD c3 known, ADD c4 above,
            ADD c5 zero, ADD c6 full_text DEFAULT 'x', ADD c7 full_text[], ADD c8 longer NOT NULL;
        BEGIN; ALTER TABLE orders ADD c9 known; ALTER TABLE orders ADD c10 text; COMMIT""",
    )
    assert [one.refused for one in found if one.refused] == [("c1", "c2", "c3", "c8"), ("c9",)]
    assert [one.filled for one in found if one.filled] == [("c5",)]
    assert not [one.failure for one in found if one.failure]
    assert all(one.rewritten for one in found if one.refused)


async def test_the_owner_of_a_sequence(scratch: Scratch) -> None:
    """It fails unless the new owner is the present one, which the clone does not know."""
    found = await traced(
        scratch, "CREATE TABLE counted (n serial); ALTER SEQUENCE counted_n_seq OWNER TO app"
    )
    assert found[1].failure is None
    assert "owners are not those of the live server" in str(found[1].unknown)


async def test_settings_by_a_query(scratch: Scratch) -> None:
    """They are in force as those of SET, also where code sets them."""
    found = await traced(
        scratch,
        "SELECT pg_catalog.set_config('search_path', '', false), set_config('a.b', 'c', false);"
        "ALTER TABLE orders ADD f int; SELECT set_config('lock_timeout', '7s', false);"
        "ALTER TABLE public.orders ADD f int; RESET lock_timeout;"
        "DO $$BEGIN PERFORM pg_catalog.set_config('lock_timeout', '8s', false); END$$; SELECT 1",
    )
    _, nowhere, limit, there, reset, code, last = found
    assert nowhere.failure
    assert [one.failure for one in (limit, there)] == [None, None]
    assert [one.lock_timeout for one in (limit, there, reset, code, last)] == [0, 7, 7, 0, 8]


async def test_a_time_zone_that_is_reset_is_that_of_the_live_server(scratch: Scratch) -> None:
    """A change of type to timestamptz rewrites, unless its time zone is UTC."""
    changes = "; ALTER TABLE visits ALTER at TYPE timestamptz; ALTER TABLE visits ALTER at TYPE"
    for ends in ("RESET ALL", "DISCARD ALL"):
        tracer = await trace.Tracer.start(scratch, False, LiveNames(zone="Asia/Tokyo"))
        script = f"SET timezone = 'UTC'; {ends}; SHOW timezone {changes} timestamp"
        try:
            found = await tracer.run(parsed(list(pieces(script))))
        finally:
            tracer.close()
        assert [kind(one) for one in found[-2:]] == [Kind.rewrite] * 2


async def test_a_time_zone_that_the_clone_lacks(scratch: Scratch) -> None:
    """The clone's own stays."""
    connection = await clone_session.connected(scratch, "Mars/Olympus")
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_a_table_that_its_transaction_has_locked_before(scratch: Scratch) -> None:
    """It takes no further lock, and yet is no table of the file; what the file renames is known."""
    found = await traced(
        scratch,
        "BEGIN; ALTER TABLE orders ADD z int; ALTER TABLE public.orders DROP COLUMN note;"
        "ALTER TABLE orders RENAME TO old; UPDATE old SET z = 1; CREATE TABLE fresh2 (id int);"
        "ALTER TABLE fresh2 ADD z int; ROLLBACK",
    )
    orders = (Relation("public", "orders"),)
    assert [one.already for one in found] == [(), (), orders, orders, orders, (), (), ()]
    changed = found[1:7]
    assert [one.created for one in changed] == [False, False, False, False, True, True]


async def test_a_hostile_file(
    scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program, no file, no network, no other role, and an end to what has none."""
    monkeypatch.setattr(clone_session, "EACH", 0.5)
    hacked = tmp_path / "hacked"
    os.chmod(tmp_path, 0o777)
    hostile = (
        f"COPY orders TO PROGRAM 'touch {hacked}'",
        f"COPY orders TO '{hacked}'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        f"SELECT lo_export(1, '{hacked}')",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION file_fdw",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'system'",
        "SET ROLE postgres",
        "ALTER ROLE pgvigil_migrator SUPERUSER",
        "ALTER SYSTEM SET archive_command = 'true'",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p",
        "SET temp_file_limit = -1",
        "DO $$BEGIN LOOP BEGIN PERFORM pg_sleep(9); EXCEPTION WHEN query_canceled THEN NULL; END;"
        " END LOOP; END$$",
        "SELECT count(*) FROM generate_series(1, 100000000000)",
    )
    script = ";\n".join(hostile) + f";\n\\! touch {hacked}\n;ALTER TABLE orders ADD last int"
    *refused, last = await traced(scratch, script)
    assert [one.statement.text for one in refused if not (one.unknown or one.failure)] == []
    assert kind(last) is Kind.instant
    assert not hacked.exists()


async def test_databases_and_tablespaces_of_the_live_server(scratch: Scratch) -> None:
    """The clone's server has neither."""
    found = await traced(
        scratch,
        "DROP TABLE missing; CREATE INDEX ON orders (note) TABLESPACE fast;\n"
        "ALTER TABLE orders SET TABLESPACE fast;\n"
        "ALTER DATABASE shop SET TABLESPACE fast; DROP DATABASE shop;\n"
        "ALTER DATABASE shop SET timezone = 'UTC'",
    )
    first, *there, setting = found
    assert first.failure
    assert [one.statement.text for one in there if one.failure or not one.unknown] == []
    assert "on a server of its own" in str(there[-1].unknown)
    assert (setting.failure, setting.unknown, setting.locks) == (None, None, ())


async def test_a_misspelt_tablespace(scratch: Scratch) -> None:
    """It fails where the live server has no such one either, and the file did not make it."""
    live = LiveNames(18, frozenset(), {"tablespace": frozenset({"fast", "pg_default"})})
    script = (
        "CREATE INDEX ON orders (note) TABLESPACE fast; CREATE INDEX ON orders (note) TABLESPACE"
        " fsat; CREATE TABLESPACE slow LOCATION '/x'; CREATE INDEX ON orders (note) TABLESPACE slow"
    )
    tracer = await trace.Tracer.start(scratch, lacking=False, live=live)
    try:
        there, misspelt, _, made = await tracer.run(parsed(list(pieces(script))))
    finally:
        tracer.close()
    assert "on a server of its own" in str(there.unknown)
    assert "on a server of its own" in str(made.unknown)
    assert misspelt.failure
    assert misspelt.failure.message.endswith("does not exist (there are: fast, pg_default)")


async def test_a_tablespace_that_psql_may_make(scratch: Scratch) -> None:
    """What the file does not tell may make it: no failure is foretold."""
    live = LiveNames(18, frozenset(), {"tablespace": frozenset({"pg_default"})})
    script = (
        "SELECT format('CREATE TABLESPACE slow LOCATION %L', '/x') \\gexec\n"
        "CREATE INDEX ON orders (note) TABLESPACE slow"
    )
    tracer = await trace.Tracer.start(scratch, lacking=False, live=live)
    try:
        _, made = await tracer.run(parsed(list(pieces(script))))
    finally:
        tracer.close()
    assert made.failure is None
    assert "does not exist, but line 1 may make it" in str(made.unknown)


async def test_after_what_did_not_run(scratch: Scratch) -> None:
    """What is missing then may be made there; without a gap it fails."""
    first, _, then, other = await traced(
        scratch,
        "ALTER TABLE missing ADD x int; CREATE EXTENSION dblink;\n"
        "SELECT dblink('x', 'y'); ALTER TABLE orders ALTER total TYPE bigint",
    )
    assert first.failure
    assert "does not exist, but line 1 may change that" in str(then.unknown)
    assert kind(other) is Kind.rewrite


async def test_settings_of_the_file_do_not_disturb_the_trace(scratch: Scratch) -> None:
    """Neither its timeouts and encoding, nor objects that are called like ours."""
    found = await traced(
        scratch,
        "SET statement_timeout = 1; SET client_encoding = 'SQL_ASCII'; SET NAMES 'LATIN1';"
        "CREATE SCHEMA shadow; CREATE VIEW shadow.pg_locks AS SELECT 1 AS x;"
        "CREATE FUNCTION shadow.pg_stat_get_xact_numscans(oid) RETURNS bigint LANGUAGE sql"
        " AS 'select 0::bigint'; SET search_path = shadow, public, pg_catalog;"
        "ALTER TABLE orders ALTER total SET NOT NULL;"
        "COMMENT ON TABLE orders IS 'ä'; DECLARE c CURSOR FOR SELECT 1;"
        "ALTER DATABASE shop SET work_mem = '1MB'; REINDEX DATABASE shop;"
        "SELECT set_config('statement_timeout', '1', false); SELECT pg_sleep(0.1);"
        "DO $$BEGIN PERFORM set_config('client_encoding', 'SQL_ASCII', false); END$$;"
        "COMMENT ON TABLE orders IS 'ö'; DISCARD ALL; SET lock_timeout = 'x';"
        "SET standard_conforming_strings = off; ALTER TABLE public.orders ADD x int",
    )
    kinds = {one.statement.text: kind(one) for one in found}
    assert kinds["ALTER TABLE orders ALTER total SET NOT NULL"] is Kind.scan
    assert kinds["COMMENT ON TABLE orders IS 'ä'"] is Kind.instant
    assert kinds["ALTER DATABASE shop SET work_mem = '1MB'"] is Kind.instant
    assert kinds["REINDEX DATABASE shop"] is Kind.unknown
    [cursor] = [one for one in found if one.statement.text.startswith("DECLARE")]
    assert "can only be used in transaction blocks" in str(cursor.failure)
    assert kinds["DISCARD ALL"] is Kind.instant
    *_, bad, otherwise, last = found
    assert bad.failure
    assert "psql reads strings with backslashes otherwise" in str(otherwise.unknown)
    assert kind(last) is Kind.instant


@pytest.mark.parametrize(
    ("sql", "is_alike"),
    [
        ("INSERT INTO t (a, b) VALUES (3, 4), (5, 6)", True),
        ("INSERT INTO t (a, nosuch) VALUES (3, 4)", False),
        ("INSERT INTO u (a, b) VALUES (3, 4)", False),
        ("INSERT INTO t (a, b) VALUES (3, 4) ON CONFLICT (nosuch) DO NOTHING", False),
        ("INSERT INTO t (a, b) VALUES (abs(3), 4)", False),
    ],
)
def test_more_rows_of_the_same_columns_are_alike(sql: str, is_alike: bool) -> None:
    """Only they need not run: another column may not exist."""
    first, then = parsed(list(pieces(f"INSERT INTO t (a, b) VALUES (1, 2); {sql}")))
    assert trace.inserts_rows(first) is not None
    assert (trace.inserts_rows(then) == trace.inserts_rows(first)) is is_alike


async def test_many_rows_are_traced_once(scratch: Scratch) -> None:
    """As long as nothing else comes between; other statements are all seen."""
    rows = [f"INSERT INTO orders (id) VALUES ({n})" for n in range(1, 2000)]
    called = "INSERT INTO orders (id) VALUES (abs(-5000))"
    found = await traced(scratch, ";\n".join((*rows, called, rows[0], INSTANT)))
    assert {kind(one) for one in found[:-2]} == {Kind.data}
    assert found[0].locks
    assert [len(one.locks) for one in found[1:1999]] == [0] * 1998
    assert found[1999].locks
    assert str(found[-2].unknown).startswith("it fails on a clone without rows: duplicate key")
    assert kind(found[-1]) is Kind.instant


async def test_what_only_the_clone_has_come_to(scratch: Scratch) -> None:
    """Limits of our own, lost sessions and internal errors are no failure of the statement; what
    follows still runs in the transaction and with the settings of the file."""
    large = "SELECT repeat('x', 1000000) FROM generate_series(1, 70)"
    raised = "DO $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{}'; END$$"
    script = (
        'SET search_path = "Odd one", public', "SET lock_timeout = '3s'", "BEGIN", large,
        'ALTER TABLE "My ""table""; --" ADD late int', "COMMIT",
        *map(raised.format, ("08001", "XX000", "25P04")), "ALTER TABLE orders ADD late int",
    )  # fmt: skip
    found = await traced(scratch, ";\n".join(script))
    assert [one.failure for one in found if one.failure] == []
    _, _, begin, returned, inside, end, *others, last = found
    assert "the answer is longer than the limit" in str(returned.unknown)
    assert returned.block == inside.block == end.block is not None
    assert {one.block for one in (begin, *others, last)} == {None}
    assert [bool(one.unknown) for one in others] == [True] * 3
    assert [(kind(one), one.lock_timeout) for one in (inside, last)] == [(Kind.instant, 3)] * 2


TOO_LONG = "SELECT pg_sleep(9)"
LOST = [
    # A file until before its COMMIT, and the limit in force at the end.
    ("DISCARD ALL; BEGIN; {}; CREATE TABLE x ()", 0),
    ("BEGIN; SET LOCAL search_path = shadow; COMMIT; BEGIN; {}; ALTER TABLE orders ADD a int", 0),
    ("BEGIN; SET search_path = shadow; ROLLBACK; BEGIN; {}; ALTER TABLE orders ADD b int", 0),
    (
        "BEGIN; SELECT set_config('search_path', 'shadow', true); COMMIT; BEGIN;"
        "SELECT set_config('lock_timeout', '3s', false); {}; ALTER TABLE orders ADD d int",
        3,
    ),
    ("BEGIN; SET lock_timeout = '6s'; COMMIT AND CHAIN; {}; ALTER TABLE orders ADD e int", 6),
    (
        "BEGIN; SET LOCAL lock_timeout = '5s'; SAVEPOINT s; SET search_path = shadow;"
        "ROLLBACK TO s; {}; ROLLBACK TO s; ALTER TABLE orders ADD c int",
        5,
    ),
]


async def test_a_session_that_is_lost_in_a_transaction(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one has the settings that hold then, and no others."""
    monkeypatch.setattr(clone_session, "EACH", 0.5)
    for script, limit in LOST:
        found = await traced(scratch, f"{script.format(TOO_LONG)}; COMMIT")
        [lost] = [one for one in found if one.statement.text == TOO_LONG]
        assert "did not end within" in str(lost.unknown)
        last, end = found[-2:]
        assert (kind(last), last.lock_timeout, kind(end)) == (Kind.instant, limit, Kind.instant)
        assert last.block == end.block is not None


async def over(tracer: trace.Tracer) -> None:
    """Wait until its session is known to have ended."""

    async def is_closed() -> bool:
        return tracer.session.connection.is_closed()

    await until(is_closed, "the session is over")


async def test_a_session_that_is_lost_after_a_failure(scratch: Scratch) -> None:
    """What follows in the transaction is refused as before; its settings are undone at its end."""
    tracer = await trace.Tracer.start(scratch, lacking=False)
    try:
        script = "BEGIN; SET lock_timeout = '4s'; SELECT 1 / 0; SET x.y = 1"
        first = await tracer.run(parsed(list(pieces(script))))
        await scratch.end_sessions()
        await over(tracer)
        script = f"{INSTANT}; BEGIN; COMMIT; {INSTANT}; SET x.z = 1"
        then = await tracer.run(parsed(list(pieces(script))))
    finally:
        tracer.close()
    refused = "statement 3 fails in its transaction"
    assert [one.failure for one in (*first, *then) if one.failure] == []
    assert [first[3].unknown, then[0].unknown, then[1].unknown] == [refused] * 3
    after = [(kind(one), one.block, one.lock_timeout) for one in then[3:]]
    assert after == [(Kind.instant, None, 0)] * 2


async def test_a_server_that_lets_nobody_in(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash it does again, with the settings; else the rest of the file is unknown."""
    tracer = await trace.Tracer.start(scratch, lacking=False)
    try:
        await tracer.run(parsed(list(pieces("SET lock_timeout = '3s'"))))
        os.kill(await tracer.session.connection.fetchval("select pg_backend_pid()"), signal.SIGKILL)
        await over(tracer)
        [recovered] = await tracer.run(parsed(list(pieces(INSTANT))))
        assert recovered.failure is None
        assert (kind(recovered), recovered.lock_timeout) == (Kind.instant, 3)
        monkeypatch.setattr(trace, "RECOVERS", 0.2)
        admin = await scratch.connect_superuser()
        assert admin
        await admin.execute(f"ALTER ROLE {MIGRATOR} NOLOGIN")
        await admin.close()
        await scratch.end_sessions()
        await over(tracer)
        rest = await tracer.run(parsed(list(pieces(f"BEGIN; {INSTANT}; COMMIT; DROP TABLE z"))))
    finally:
        tracer.close()
    reasons = {str(one.unknown).partition(":")[0] for one in rest}
    assert reasons == {"the clone can't be asked any more"}
    assert [one.failure for one in rest if one.failure] == []


async def test_a_server_that_lets_us_in_again(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it recovers it is tried again, and the file goes on."""
    monkeypatch.setattr(trace, "RECOVERS", 60.0)
    connect, tries = clone_session.connected, []

    async def counted(*arguments: Any) -> Any:
        tries.append(arguments)
        return await connect(*arguments)

    async def has_tried() -> bool:
        return len(tries) > 1

    tracer = await trace.Tracer.start(scratch, lacking=False)
    monkeypatch.setattr(clone_session, "connected", counted)
    admin = await scratch.connect_superuser()
    assert admin
    try:
        await admin.execute(f"ALTER ROLE {MIGRATOR} NOLOGIN")
        tracer.session.connection.terminate()
        running = asyncio.ensure_future(tracer.run(parsed(list(pieces(INSTANT)))))
        await until(has_tried, "it was tried again")
        await admin.execute(f"ALTER ROLE {MIGRATOR} LOGIN")
        [last] = await running
    finally:
        await admin.close()
        tracer.close()
    assert kind(last) is Kind.instant
