"""Programs beside PostgreSQL run for as long as their test."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.postgres import Database, Psql
from tests.fixtures.programs import Program
from tests.fixtures.requirements import Tool
from tests.fixtures.until import until

POOLER = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
auth_type = any
"""


@pytest.mark.versions(18)
async def test_real_pooler_before_a_real_server(
    database: Database, psql: Psql, tool: Tool, launch: Callable[..., Program], workplace: Path
) -> None:
    """A program that refuses root runs, reaches the database, and stops when told."""
    config = workplace / "pgbouncer.ini"
    config.write_text(POOLER.format(socket=database.server.folder, folder=workplace))
    pooler = launch([tool("pgbouncer"), config])

    async def up() -> bool:
        return "process up" in pooler.output()

    await until(up, "pgbouncer listens")
    address = f"postgresql://postgres@/{database.name}?host={workplace}&port=6432"
    assert await psql(address, "SELECT current_database()") == f"{database.name}\n"
    pooler.stop()
    assert not pooler.running
    with pytest.raises(ProcessLookupError):
        os.kill(pooler.process.pid, 0)
