"""--scratch: the clone on a server that others use, which is the same afterwards."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from alerts.migrations.kind import Kind, kind, worst
from alerts.migrations.lock_mode import Blocked
from monitor.migrations import trace
from monitor.migrations.clone import load
from monitor.migrations.given_server import PREFIX, given_server, why_not
from monitor.migrations.live_names import LiveNames
from monitor.migrations.parsing import parsed
from monitor.migrations.script import pieces
from monitor.migrations.trace import Tracer
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

ROLE = "scratch_of_checks"
SCHEMA = """
    SET transaction_timeout = 0;
    CREATE EXTENSION hstore WITH SCHEMA public;
    CREATE TABLE public.orders (id bigint PRIMARY KEY, total int, note text);
"""
KINDS = [
    ("ALTER TABLE orders ADD x int", Kind.instant, Blocked.all),
    ("ALTER TABLE orders ALTER total SET NOT NULL", Kind.scan, Blocked.all),
    ("ALTER TABLE orders ALTER total TYPE bigint", Kind.rewrite, Blocked.all),
    ("ALTER TABLE orders ADD CHECK (total > 0) NOT VALID", Kind.instant, Blocked.all),
    ("CREATE INDEX CONCURRENTLY ON orders (note)", Kind.index_build, Blocked.none),
    ("BEGIN", Kind.instant, Blocked.none),
    ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", Kind.instant, Blocked.none),
    ("ALTER TABLE orders VALIDATE CONSTRAINT orders_total_check", Kind.scan, Blocked.none),
    ("ALTER TABLE orders ADD y int", Kind.instant, Blocked.all),
    ("COMMIT", Kind.instant, Blocked.none),
]
BEYOND = """
    CREATE DATABASE other; DROP DATABASE postgres; ALTER ROLE CURRENT_USER PASSWORD 'x';
    ALTER DATABASE postgres OWNER TO x; CREATE EXTENSION dblink;
    DROP OWNED BY CURRENT_USER; BEGIN; PREPARE TRANSACTION 'x'; ROLLBACK;
    GRANT SELECT ON orders TO absent;
    COPY orders TO PROGRAM 'true'; SELECT lo_import('/etc/passwd'); SET ROLE postgres;
    DO $$BEGIN EXECUTE 'CREATE EXTENSION dblink'; END$$; ALTER SYSTEM SET work_mem = '1MB'
"""
ASLEEP = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and usename = $1"
LEFT = f"select count(*) from pg_database where datname like '{PREFIX}%'"

GONE = f"select ({LEFT}) = 0"


@pytest.fixture
async def role(database: Database) -> AsyncIterator[str]:
    """The DSN of a role that may create databases, and nothing else."""
    await database.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
    yield database.server.dsn(database.name, ROLE)
    await database.execute(f"DROP ROLE {ROLE}")


async def test_kinds_on_a_given_server(database: Database, role: str, tmp_path: Path) -> None:
    """Each version sees the same there, and nothing is left; what acts beyond is not run."""
    async with given_server(role, {}, None, ()) as scratch:
        assert await database.fetchval(LEFT) == 1
        loaded = await load(scratch, SCHEMA)
        assert loaded.lacking == ()
        live = LiveNames(scratch.major, frozenset({"absent"}))
        tracer = await Tracer.start(scratch, False, live)
        script = ";\n".join(sql for sql, *_ in KINDS)
        found = await tracer.run(parsed(list(pieces(script))))
        hostile = await tracer.run(parsed(list(pieces(BEYOND))))
        # A file can make it a template, and end our own session.
        await tracer.run(parsed(list(pieces("ALTER DATABASE postgres IS_TEMPLATE true"))))
        await tracer.session.connection.execute(
            f"ALTER DATABASE {scratch.database} IS_TEMPLATE true;"
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = current_user AND pid <> pg_backend_pid()"
        )
        tracer.close()
    assert [(one.statement.text, kind(one), worst(one)) for one in found] == KINDS
    run = [one for one in hostile if not one.statement.transaction]
    assert [one.statement.text for one in run if not (one.unknown or one.failure)] == []
    assert "no role absent" in str([one.unknown for one in run])
    assert await database.fetchval(LEFT) == 0


@pytest.mark.versions(14)
async def test_a_session_that_is_lost_there(
    database: Database, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions whose counters are asked are not asked in a transaction that is aborted."""
    monkeypatch.setattr(trace, "EACH", 0.5)
    good = "DISCARD ALL; BEGIN; SELECT pg_sleep(9); ALTER TABLE orders ADD x int; COMMIT"
    async with given_server(role, {}, None, ()) as scratch:
        await load(scratch, SCHEMA)
        tracer = await Tracer.start(scratch, False)
        found = await tracer.run(parsed(list(pieces(good))))
        await tracer.run(parsed(list(pieces("BEGIN; SELECT 1 / 0"))))
        tracer.session.connection.terminate()
        refused, _, last = await tracer.run(
            parsed(list(pieces("SELECT 1; COMMIT; ALTER TABLE orders ADD y int")))
        )
        tracer.close()
    assert [kind(one) for one in found[3:]] == [Kind.instant] * 2
    assert refused.unknown == "statement 2 fails in its transaction"
    assert (kind(last), last.block) == (Kind.instant, None)


async def command(*arguments: str, stdin: str = "") -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monitor", "migrate-check", "-", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdin
    process.stdin.write(stdin.encode())
    process.stdin.close()
    return process


@pytest.mark.versions(14, 18)
async def test_the_live_server_is_refused_and_so_is_a_superuser(
    database: Database, role: str, tmp_path: Path
) -> None:
    """Each in one sentence, before anything is made."""
    process = await command("--dsn", database.dsn, "--scratch", role, stdin="SELECT 1")
    _, wrong = await process.communicate()
    assert process.returncode == 2
    assert b"it is the live server, where nothing of the file may run." in wrong
    schema = tmp_path / "schema.sql"
    schema.write_text(SCHEMA)
    offline = ("--no-server", "--schema", str(schema))
    process = await command(*offline, "--scratch", database.dsn, stdin="SELECT 1")
    _, wrong = await process.communicate()
    assert process.returncode == 2
    assert b"is a superuser, and the file is not trusted; take a role of its own" in wrong


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_nothing_is_left_when_it_is_ended(
    database: Database, role: str, tmp_path: Path, number: signal.Signals
) -> None:
    """Neither the database nor its session, even if the check itself is killed."""
    schema = tmp_path / "schema.sql"
    schema.write_text(SCHEMA)
    process = await command(
        *("--no-server", "--schema", str(schema), "--scratch", role),
        stdin="SELECT pg_sleep(9); SELECT pg_sleep(9)",
    )

    await until(lambda: database.fetchval(ASLEEP, ROLE), "the file's statement runs")
    process.send_signal(number)
    _, wrong = await process.communicate()
    await until(lambda: database.fetchval(GONE), "the database is dropped")
    if number is not signal.SIGKILL:
        assert process.returncode == 128 + number
        assert wrong == b"pgvigil migrate-check: interrupted; nothing of it is left.\n"


GOOD: dict[str, Any] = {
    "version": 180000,
    "in_recovery": False,
    "counts": True,
    "started": "then",
    "role": "r",
    "is_itself": True,
    "is_super": False,
    "creates": True,
    "makes_roles": False,
    "replicates": False,
    "strong": [],
    "owned": [PREFIX + "1"],
}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, None),
        ({"in_recovery": True}, "standby"),
        ({"version": 130000}, "the oldest"),
        ({"counts": False}, "track_counts"),
        ({"makes_roles": True}, "allowed to make roles"),
        ({"replicates": True}, "to replicate"),
        ({"strong": ["pg_read_server_files"]}, "a member of pg_read_server_files"),
        ({"owned": ["shop"]}, "owns the database shop"),
        ({"creates": False}, "may not create a database"),
    ],
)
def test_who_is_refused(other: dict[str, Any], said: str | None) -> None:
    """A role that reaches beyond its own database."""
    reason = why_not({**GOOD, **other}, None)
    assert reason is None if said is None else said in str(reason)
