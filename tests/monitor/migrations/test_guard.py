"""Guard: what a check has made is removed, even if the check itself is killed."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from monitor.migrations.guard import guarded_folder
from tests.fixtures.until import until

KILLED = """
import pathlib, sys, time
from monitor.migrations.guard import guarded_folder
with guarded_folder(pathlib.Path(sys.argv[1])):
    print("there", flush=True)
    time.sleep(60)
"""


async def test_a_folder_goes_with_the_check_that_made_it(tmp_path: Path) -> None:
    """By the check itself, or by the guard after SIGKILL; another folder stays."""
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    for one in (kept, folder):
        (one / "data").mkdir(parents=True)
    with guarded_folder(folder):
        assert folder.exists()
    assert not folder.exists()
    (folder / "data").mkdir(parents=True)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(folder), stdout=PIPE
    )
    assert child.stdout
    assert await child.stdout.readline() == b"there\n"
    child.kill()
    await child.wait()

    async def gone() -> bool:
        return not folder.exists()

    await until(gone, "the folder is removed")
    assert kept.exists()
