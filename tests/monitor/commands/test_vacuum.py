"""pgvigil vacuum: one table by its name, with its triggers, and with other options."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from alerts.vacuum.outlook import named
from collectors.user_tables import UserTable, user_tables
from monitor.cli import main
from tests.fixtures.daemon import PATIENT
from tests.fixtures.lock_rows import filled
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen

TABLE = """
    CREATE TABLE "Its orders" (id int);
    INSERT INTO "Its orders" SELECT generate_series(1, 20000);
    VACUUM ANALYZE "Its orders";
    DELETE FROM "Its orders" WHERE id <= 15000;
"""


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("autovacuum_vacum_threshold=5", "Did you mean autovacuum_vacuum_threshold?"),
        ("autovacuum_vacuum_threshold=x; --", "takes a number, or on or off"),
        ("autovacuum_enabled", "takes a number, or on or off"),
    ],
)
def test_an_option_that_is_none(
    assignment: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vacuum", "orders", "--set", assignment]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("relname", "name", "is_it"),
    [
        ("we'ird \"t", 'public."we\'ird ""t"', True),
        ("a.b", '"a.b"', True),
        ("a.b", 'shop.public."a.b"', True),
        ("orders", "public.orders", True),
        ("orders", "s.orders", False),
    ],
)
def test_a_name_may_be_written_as_findings_print_it(relname: str, name: str, is_it: bool) -> None:
    """With its quotes doubled, and dots within."""
    one = filled(UserTable, datname="shop", schemaname="public", relname=relname, relkind="r")
    assert bool(list(named(seen((user_tables, [one])), name))) is is_it


async def run(*arguments: str) -> tuple[int, str, str]:
    """The command in a process of its own: its status, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monitor", *arguments),
        env={**os.environ, **PATIENT},
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.versions(14, 18)
async def test_a_table_of_a_real_server(database: Database, paste: Psql) -> None:
    """What makes it due, why it is late, and what another scale factor would do."""
    for statement in TABLE.strip().rstrip(";").split(";"):
        await database.execute(statement)
    command = ["vacuum", "public.Its orders", database.monitor_dsn]
    wanted = ["--set", "autovacuum_vacuum_scale_factor=0.02"]
    status, shown, _ = await run(*command, *wanted)
    assert status == 0
    assert f'public."Its orders" in {database.name}' in shown
    assert "15,000  of 4,050 that make it due (370%)" in shown
    assert "Dead rows grow by" in shown
    assert "Why not sooner: no worker is at it" in shown
    assert "With autovacuum_vacuum_scale_factor = 0.02, 450 dead rows make it due:" in shown
    begin = shown.rindex("SET lock_timeout = '2s';")
    await paste(database.dsn, shown[begin:])
    status, shown, _ = await run(*command)
    assert status == 0
    assert "15,000  of 450 that make it due" in shown
    status, _, told = await run("vacuum", "orders", database.monitor_dsn)
    assert status == 2
    assert "there is no table 'orders'" in told
    elsewhere = database.monitor_dsn.replace(f"/{database.name}?", "/no_such_database?")
    status, shown, _ = await run("vacuum", "public.Its orders", elsewhere)
    assert status == 2
    assert "there is no database 'no_such_database', which its address names" in shown
    assert "that make it due" not in shown
