"""A benchmark that is killed leaves nothing: what it started ends, and its folder is deleted."""

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
import subprocess, sys, time
from pathlib import Path
from bench.killed import swept

folder = Path(sys.argv[1]) / "bench-folder"  # not in our own command line
with swept(folder):
    server = subprocess.Popen(["/bin/sleep", "600"], cwd=folder)
    watcher = subprocess.Popen(["/bin/sleep", "601"], cwd="/")
    (folder / "started").touch()
    if sys.argv[2:]:
        server.kill(); watcher.kill()
    else:
        time.sleep(600)
"""


def bench(folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-c", HANGING, str(folder.parent), *more]
    return subprocess.Popen(argv, cwd=HOUSE, start_new_session=True)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_killed_bench_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    """Neither a server, known by its folder, nor a watcher that was started beside it."""
    folder = tmp_path / "bench-folder"
    folder.mkdir()
    run = bench(folder)

    async def started() -> bool:
        assert run.poll() is None
        return (folder / "started").exists()

    await until(started, "it has started its programs")
    names = {command.split()[0] for command in processes_of(folder).values()}
    assert "/bin/sleep" in names
    os.kill(run.pid, how)
    run.wait()

    async def nothing_left() -> bool:
        return not processes_of(folder) and not folder.exists()

    await until(nothing_left, "nothing is left")


def test_a_bench_that_ends_waits_for_its_sweeper(tmp_path: Path) -> None:
    """Its folder is gone when it has ended."""
    folder = tmp_path / "bench-folder"
    folder.mkdir()
    assert bench(folder, "ends").wait() == 0
    assert not folder.exists()
