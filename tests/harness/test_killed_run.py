"""A test run that is killed leaves nothing: no server, no program, no folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.sweeper import processes_of
from tests.fixtures.until import until

HOUSE = Path(__file__).parents[2]
HANGING = """
import asyncio
import tempfile
from pathlib import Path

import pytest


@pytest.mark.versions(18)
async def test_hangs(database, private_server, launch):
    frozen = private_server()
    frozen.freeze()
    program = launch(["/bin/sleep", "600"])
    pids = f"{database.server.pid} {frozen.pid} {program.process.pid}"
    Path(__file__).with_name("told").write_text(f"{tempfile.gettempdir()}\\n{pids}\\n")
    await asyncio.sleep(600)
"""


def start(test: Path) -> subprocess.Popen[bytes]:
    """A pytest in a session of its own, as a terminal's or a CI's is: it alone is killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "pyproject.toml", test],
        cwd=HOUSE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def is_left(folder: Path) -> bool:
    return bool(processes_of(folder)) or folder.exists()


@pytest.mark.versions(18)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
async def test_killed_run_leaves_nothing(tmp_path: Path, version: int, how: signal.Signals) -> None:
    """Servers that run, that are frozen, and other programs end; their folder is deleted."""
    test, told = tmp_path / "test_hanging.py", tmp_path / "told"
    test.write_text(HANGING)
    run = start(test)

    async def hangs() -> bool:
        assert run.poll() is None, run.communicate()[0].decode()
        return told.exists() and told.read_text().count("\n") == 2

    await until(hangs, "the test hangs", 180)
    name, pids = told.read_text().splitlines()
    folder = Path(name)
    assert {int(pid) for pid in pids.split()} < processes_of(folder).keys()
    os.kill(run.pid, how)
    run.communicate()

    async def gone() -> bool:
        return not is_left(folder)

    await until(gone, "everything that it started has ended")
