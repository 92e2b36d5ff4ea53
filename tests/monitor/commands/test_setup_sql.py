"""What `setup-sql` prints makes a role that sees everything, in databases of any name."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.postgres import PrivateServers, Psql, connected

HOSTILE = ("a=b", "new\nline", "quo'te\\", 'Double"Quote', "émoji 🐘")
SIGHT = "select has_column_privilege('watcher', 'pg_catalog.pg_statistic', 'stawidth', 'select')"


def printed(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "setup-sql", "--role", "watcher", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("named", [False, True])
async def test_every_database_is_granted_in(
    named: bool,
    private_server: PrivateServers,
    psql: Psql,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that there are, or those that are named; twice does no harm."""
    server = private_server()
    monkeypatch.chdir(tmp_path)
    async with connected(server.dsn()) as admin:
        for name in HOSTILE:
            await admin.execute('create database "{}"'.format(name.replace('"', '""')))
    flags = [flag for name in HOSTILE for flag in ("--database", name)] if named else []
    for _ in range(2):
        await psql(server.dsn(), printed(*flags))
    for name in HOSTILE:
        async with connected(server.dsn(name)) as inside:
            assert await inside.fetchval(SIGHT) is True
    assert left_in(tmp_path) == []


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
