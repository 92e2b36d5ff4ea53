"""The CONTRIBUTING page works as it stands: what it adds is there, and no old file was touched."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, Psql, connected

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(?:python|markdown)\n(?:# |<!-- )(\S+)(?: -->)?\n(.*?)```", re.DOTALL)
PACKAGES = ("collectors", "alerts", "grafana", "monitor")


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the house with the rooms that the page adds."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc"))
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(blocks) == 3
    for path, text in blocks:
        assert not (tmp_path / path).exists(), "adding one touches nothing old"
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def pgvigil(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (0, 1, 2), done.stderr
    return done.stdout


# The installed packages are of the checkout; the copy goes before them.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from monitor.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.tool
def test_what_was_added_is_everywhere(extended: Path) -> None:
    """Query, runbook, rule and setting of the new finding are there without another word."""
    assert "pg_tablespace" in pgvigil(extended, "sql", "tablespaces")
    assert "\\db" in pgvigil(extended, "explain", "tablespace_misplaced")
    rules = pgvigil(extended, "rules")
    assert "PgvigilTablespaceMisplaced" in rules
    assert "/tablespace_misplaced" in rules


@pytest.mark.versions(18)
async def test_what_was_added_finds_and_cures(
    extended: Path, private_server: PrivateServers, psql: Psql
) -> None:
    """On a real server the new finding is found, and its own cure makes it go."""
    server = private_server()
    place = server.owner.place(server.data / "inside")
    async with connected(server.dsn()) as admin:
        await admin.execute(f"create tablespace \"In side\" location '{place}'")
    found = finding_of(extended, server.dsn("postgres", MONITOR))
    assert found["state"] == "ill"
    [subject] = found["subjects"]
    assert subject["subject"] == "In side"
    await psql(server.dsn(), "\n".join(subject["cure"]))
    assert finding_of(extended, server.dsn("postgres", MONITOR))["state"] == "healthy"


def finding_of(folder: Path, dsn: str) -> dict[str, Any]:
    report = json.loads(pgvigil(folder, "check", "--dsn", dsn, "--format", "json"))
    [server] = report["servers"]
    [found] = [f for f in server["findings"] if f["finding"] == "tablespace_misplaced"]
    return dict(found)
