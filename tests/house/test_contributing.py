"""The CONTRIBUTING page works as it stands: what it adds is there, and no old file was touched."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.tree_copy import ROOT, run_module, tree_copy

BLOCK = re.compile(r"```(?:python|markdown)\n(?:# |<!-- )(\S+)(?: -->)?\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the files that the page adds."""
    copy = tree_copy(tmp_path_factory.mktemp("copy"))
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(blocks) == 5
    for path, text in blocks:
        assert not (copy / path).exists(), "adding one touches nothing old"
        (copy / path).write_text(text, encoding="utf-8")
    return copy


def pgvigil(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
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
    assert "relpersistence = 'u'" in pgvigil(extended, "sql", "unlogged_tables")


def test_what_was_added_is_clean(extended: Path) -> None:
    """In style and types."""
    paths = [path for path, _ in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))]
    sources = [path for path in paths if path.endswith(".py")]
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        done = run_module(extended, *command, *sources)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.versions(18)
def test_its_own_tests_pass(extended: Path, version: int) -> None:
    """The finding's, as the page has it, and the contract of both collectors."""
    done = run_module(
        extended,
        *("pytest", "-q", "-p", "no:cacheprovider"),
        *("tests/findings/storage/test_tablespace_misplaced.py", "tests/collectors"),
        "-k",
        f"tablespace_misplaced and not pg or pg{version} and (misplaced or"
        " test_contract and (-tablespaces or -unlogged_tables))",
    )
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


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
