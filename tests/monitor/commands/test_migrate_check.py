"""pgvigil migrate-check: a file against a real server, which it never touches."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.migrations.week_facts import KEPT
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, AnyAnswer, AnyCollector, Role
from collectors.activity import activity
from collectors.volumes import Volume, volumes
from monitor.cli import main
from monitor.exposition.store import Store
from monitor.reports.migrate_check_json import MigrationJson
from monitor.state_file import StateFile
from monitor.views.overview import Overview, ServerView
from monitor.web.app import application
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import IDLE

SCHEMA = """
    CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
    CREATE TABLE orders (
        id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, total int, note text
    );
    CREATE INDEX orders_total ON orders (total);
    INSERT INTO customers SELECT n, 'x' FROM generate_series(1, 1000) n;
    INSERT INTO orders SELECT n, n % 1000 + 1, nullif(n % 9, 0) FROM generate_series(1, 300000) n;
    ANALYZE;
"""
MIGRATION = """\
ALTER TABLE orders ADD COLUMN quick int;
SET lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN gone int;
ALTER TABLE orders ALTER COLUMN total SET NOT NULL;
CREATE INDEX ON orders (note);
CREATE INDEX CONCURRENTLY ON orders (note);
ALTER TABLE orders DROP COLUMN note;
UPDATE orders SET quick = 1 WHERE id BETWEEN 1 AND 5000 AND quick IS NULL;
DROP DATABASE {here};
"""
PARTED = (
    "ALTER TABLE orders ADD CONSTRAINT paid CHECK (note IS DISTINCT FROM 'a  b') -- why",
    "ALTER TABLE customers ADD CONSTRAINT mail UNIQUE (id, email)",
)
IN_ANOTHER_ZONE = "ALTER TABLE orders ALTER COLUMN placed TYPE timestamptz"
AS_WANTED = """
    SELECT (SELECT count(*) FROM pg_constraint WHERE conname IN ('paid', 'mail') AND convalidated)
        + (SELECT count(*) FROM pg_attribute
            WHERE attrelid = 'orders'::regclass AND attname = 'total' AND attnotnull)
        + (SELECT count(*) FROM pg_index WHERE indrelid = 'orders'::regclass
            AND pg_get_indexdef(indexrelid) LIKE '%(note)' AND indisvalid)
"""


def complaints(wrong: str) -> list[str]:
    """Return what was written to stderr, but for the progress of a check on a busy machine."""
    return [line for line in wrong.splitlines() if not line.endswith(" ...")]


async def run(*arguments: str, stdin: str = "", **environ: str) -> tuple[int, str, str]:
    """The command in a process of its own: its status, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monitor", "migrate-check", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **environ},
    )
    out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.versions(14, 18)
async def test_against_a_real_server(database: Database, psql: Psql, version: int) -> None:
    """Sizes, traffic and recent statements come from the server, which stays as it was.

    The role of the monitor may not lock tables, so the catalogue tells it the schema.
    """
    dsn = database.monitor_dsn if version == 14 else database.dsn
    await database.execute("CREATE EXTENSION pg_stat_statements")
    await database.execute(SCHEMA)
    await database.execute("SELECT count(*) FROM orders")
    await database.execute("SELECT note FROM orders WHERE id = 1")
    before = await database.fetchval("SELECT sum(xmin::text::bigint) FROM pg_class")
    status, shown, wrong = await run(
        "-",
        "--dsn",
        dsn,
        "--format=json",
        "--seconds=0.2",
        stdin=MIGRATION.format(here=database.name),
    )
    assert not complaints(wrong)
    found = json.loads(shown)
    TypeAdapter(MigrationJson).validate_json(shown)
    assert (status, found["verdict"]) == (2, "danger")
    unguarded, _, instant, not_null, build, concurrently, drop, batch, there = found["statements"]
    assert unguarded["verdict"] == "caution"
    assert "No lock_timeout is set" in unguarded["advice"][0]["text"]
    assert (instant["kind"], instant["blocks"], instant["verdict"]) == (
        "instant",
        "all sessions",
        "safe",
    )
    judged = "unknown" if version == 14 else "danger"
    assert (not_null["kind"], not_null["verdict"]) == ("scan", judged)
    told = "has no statistics" if version == 14 else "total is NULL in about"
    assert any(told in one["text"] for one in not_null["advice"])
    assert bool(found["note"]) is (version == 14)
    assert (build["kind"], build["blocks"]) == ("index build", "writers")
    assert build["seconds"]["low"] < build["seconds"]["high"]
    assert concurrently["blocks"] == "none"
    assert drop["verdict"] == "danger"
    assert any("recent statements name it" in one["text"] for one in drop["advice"])
    assert (batch["kind"], batch["verdict"]) == ("data", "safe")
    assert [one["text"] for one in batch["advice"]] == [
        "It writes 5,000 rows at most, by the keys that it names."
    ]
    assert (there["fails"], there["verdict"]) == (None, "unknown")
    assert await database.fetchval("SELECT sum(xmin::text::bigint) FROM pg_class") == before
    await database.execute("DELETE FROM orders WHERE total IS NULL")
    for statement in (not_null, build):
        for one in statement["advice"]:
            await psql(database.dsn, "\n".join(one["sql"]))
    for statement in PARTED:
        _, shown, _ = await run(
            "-", "--dsn", dsn, "--format=json", "--seconds=0.1", stdin=statement
        )
        [judged] = json.loads(shown)["statements"]
        [safer] = [one["sql"] for one in judged["advice"] if len(one["sql"]) > 1]
        await psql(database.dsn, "\n".join(safer))
    assert await database.fetchval(AS_WANTED) == 4
    await database.execute("ALTER TABLE orders ADD COLUMN placed timestamp")
    for zone, kind in (("UTC", "instant"), ("Europe/Berlin", "rewrite")):
        await database.execute(f"ALTER DATABASE {database.name} SET timezone = '{zone}'")
        _, shown, _ = await run(
            "-", "--dsn", dsn, "--format=json", "--seconds=0.1", stdin=IN_ANOTHER_ZONE
        )
        assert [one["kind"] for one in json.loads(shown)["statements"]] == [kind]
        assert "each value of" not in shown


@pytest.mark.versions(14, 18)
async def test_variables_of_other_servers_are_not_those_of_the_copy(database: Database) -> None:
    """The copy is a server of our own, and pg_dump may be built without TLS."""
    await database.execute("create table orders (id int)")
    dsn = f"{database.dsn}&target_session_attrs=any"
    status, out, _ = await run(
        *("-", "--dsn", dsn),
        stdin="ALTER TABLE orders ADD x int",
        PGSSLMODE="verify-full",
        PGTARGETSESSIONATTRS="standby",
    )
    assert status == 1
    assert out.startswith("Verdict: with care")
    assert "pg_dump can't read" not in out


def browsing(shown: Overview) -> ThreadingHTTPServer:
    """A daemon's answers at a port of this machine."""
    client = TestClient(application(lambda: shown, Store()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = client.get(self.path)
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever).start()
    return server


@pytest.mark.versions(18)
async def test_hours_are_those_that_a_daemon_remembers(database: Database, tmp_path: Path) -> None:
    """From its state file, or from the daemon itself; without either that is said once."""
    await database.execute("CREATE TABLE orders (id int)")
    flags = ("-", "--dsn", database.dsn, "--format=json", "--seconds=0.1")
    sql = "ALTER TABLE orders ADD x int; ALTER TABLE orders ADD y int"
    _, told, _ = await run(*flags, stdin=sql)
    assert "no state_file is configured here" in json.loads(told)["hours"]["unknown"]
    system = await database.fetchval("SELECT system_identifier::text FROM pg_control_system()")
    memory, path = Memory(), tmp_path / "state.db"
    recorder = Recorder(KEPT, memory, system, "db")
    for hour in range(3):
        rows = (replace(IDLE, datname=database.name, xact_seconds=90.0 / (hour + 1)),)
        recorder.record(activity, Answer(rows, hour * 3600.0))
    file = StateFile(path)
    file.load(memory)
    await file.close(memory)
    _, told, wrong = await run(*flags, "--set", f"state_file={path}", stdin=sql)
    assert not complaints(wrong)
    found = json.loads(told)["hours"]
    assert found["hours_known"] == 2
    assert found["best"]["hour"] == "Thursday 01:00 UTC"
    node = ServerIdentity("db", Role.primary, 180000, system, system)
    answers: dict[AnyCollector, AnyAnswer] = {
        activity: Answer((), 0.0),
        volumes: Answer((Volume("data", "/", 9, 5, 0, 0),), 0.0),
    }
    histories = recorder.views(0.0)
    snapshot = Snapshot(node, 0.0, answers, histories=histories)
    server = browsing(Overview(0.0, (ServerView("db", node, snapshot=snapshot),)))
    try:
        daemon = f"http://127.0.0.1:{server.server_port}"
        _, told, wrong = await run(*flags, "--daemon", daemon, stdin=sql)
    finally:
        server.shutdown()
        server.server_close()
    assert json.loads(told)["hours"] == found
    assert json.loads(told)["free_space"]["volumes"] == [{"places": "data", "available_bytes": 5}]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["migrate-check", *arguments])
    return status, capsys.readouterr().out


@pytest.mark.tool
def test_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A schema file is enough to know kinds and locks; seconds are not known."""
    schema, file = tmp_path / "schema.sql", tmp_path / "migration.sql"
    schema.write_text("CREATE TABLE orders (id int, note text); \\! false")
    file.write_text("SET lock_timeout = '1s';\nALTER TABLE orders ADD x int;")
    flags = (str(file), "--no-server", "--schema", str(schema))
    status, text = shown(capsys, *flags)
    assert status == 0
    assert text.startswith("Verdict: safe (2 statements, without a live server)")
    file.write_text("\\! id\n")
    assert shown(capsys, *flags)[0] == 1
    file.write_text("ALTER TABLE orders ALTER note SET NOT NULL; -- | `x`")
    status, table = shown(capsys, *flags, "--format", "markdown")
    assert status == 2
    assert "| scan | all sessions | not known | don't run it like this |" in table
    in_one = [*flags, "--single-transaction", "--format", "json"]
    file.write_text("ALTER TABLE orders ADD y int; CREATE INDEX CONCURRENTLY ON orders (y)")
    status, told = shown(capsys, *in_one)
    found: dict[str, Any] = json.loads(told)
    assert status == 2
    assert "cannot run inside a transaction block" in found["statements"][2]["fails"]


def test_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be read, and what is too large, is one sentence."""
    assert main(["migrate-check", str(tmp_path / "absent.sql")]) == 2
    assert "can't be read" in capsys.readouterr().err
    large = tmp_path / "large.sql"
    with large.open("wb") as file:
        file.truncate(33 << 20)
    assert main(["migrate-check", str(large)]) == 2
    assert "larger than 32 MB" in capsys.readouterr().err
    large.write_text("select 1")
    assert main(["migrate-check", str(large), "--seconds", "0"]) == 2
    assert "--seconds takes" in capsys.readouterr().err
    assert main(["migrate-check", str(large), "--no-server"]) == 2
    assert "needs the schema" in capsys.readouterr().err
