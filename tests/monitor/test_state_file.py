"""The state file: a restart forgets nothing, and a disk that fails stops nobody."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.history.memory import Memory, Namespace
from monitor.state_file import StateFile, StateFileError

PLACE = Namespace("7301", "shop", "index_unused")
# Writes round after round, and says each number once it is safe.
WRITER = """
import asyncio, sys
from pathlib import Path
from alerts.history.memory import Memory, Namespace
from monitor.state_file import StateFile

async def main():
    memory, file = Memory(), StateFile(Path(sys.argv[1]))
    file.load(memory)
    for number in range(1_000_000):
        for key in "abc":
            memory.put(Namespace("7301", "shop", "index_unused"), key, number)
        await file.save(memory)
        print(number, flush=True)

asyncio.run(main())
"""


def remembered(path: Path) -> Memory:
    memory = Memory()
    StateFile(path).load(memory)
    return memory


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    """Values of every kind come back; what was forgotten stays forgotten."""
    path, memory = tmp_path / "state.db", Memory()
    file = StateFile(path)
    file.load(memory)
    memory.put(PLACE, 'case:shop\x00public."Odd\nname"', [1.5, 2, {"why": None}])
    memory.put(PLACE, "gone", True)
    await file.save(memory)
    memory.forget(PLACE, "gone")
    await file.close(memory)
    assert dict(remembered(path).items(PLACE)) == {
        'case:shop\x00public."Odd\nname"': [1.5, 2, {"why": None}]
    }


def test_a_kill_at_any_moment_loses_at_most_one_round(tmp_path: Path) -> None:
    """Kill -9 between two words of the writer: the last round that was said is there, and whole."""
    path = tmp_path / "state.db"
    for rounds in (1, 7, 40):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(rounds)]
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.stdout.close()
        writer.wait()
        last = int(rest[-1]) if rest else said[-1]
        values = {value for _, value in remembered(path).items(PLACE)}
        assert len(values) == 1, "a round is written whole or not at all"
        assert values <= {last, last + 1}


async def test_a_full_disk_is_said_and_survived(tmp_path: Path) -> None:
    """Nothing can be written; later it can, and nothing is lost."""
    path, memory = tmp_path / "state.db", Memory()
    file = StateFile(path)
    file.load(memory)
    size = path.stat().st_size
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        memory.put(PLACE, "a", "x" * 100_000)
        await file.save(memory)
        trouble = file.error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        signal.signal(signal.SIGXFSZ, before)
    assert trouble is not None
    await file.close(memory)
    assert file.error is None
    assert remembered(path).get(PLACE, "a") == "x" * 100_000


async def test_a_place_that_cannot_be_written_is_said_and_survived() -> None:
    """A read-only folder: the daemon works, and admits a shorter memory."""
    memory = Memory()
    file = StateFile(Path("/proc/pgvigil-state.db"))
    file.load(memory)
    memory.put(PLACE, "a", 1)
    await file.close(memory)
    assert file.error is not None


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Somebody's own file named by mistake: one sentence, and not a byte changed."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 1000)
    with pytest.raises(StateFileError, match=r"notes\.txt is not a state file"):
        remembered(path)
    assert path.read_text() == "my notes\n" * 1000


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    """A newer pgvigil wrote it: one sentence."""
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(StateFileError, match="another version"):
        remembered(path)


def test_saving_never_blocks_the_loop(tmp_path: Path) -> None:
    """While another process holds the file, rounds go on."""
    path = tmp_path / "state.db"
    memory = Memory()
    file = StateFile(path)
    file.load(memory)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin exclusive")
    turns = 0

    async def save_and_count() -> None:
        nonlocal turns
        memory.put(PLACE, "a", 1)
        saving = asyncio.create_task(file.save(memory))
        while not saving.done():
            turns += 1
            await asyncio.sleep(0.01)

    asyncio.run(save_and_count())
    holder.close()
    assert turns > 10
    assert file.error is not None


async def test_a_batch_that_cannot_be_written_is_not_lost(tmp_path: Path) -> None:
    """A key that is no text breaks the whole batch; once it is forgotten the rest is written."""
    path, memory = tmp_path / "state.db", Memory()
    file = StateFile(path)
    memory.put(PLACE, "a", 1)
    memory.put(PLACE, "\ud800", 1)
    with pytest.raises(UnicodeEncodeError):
        await file.save(memory)
    changes = memory.take_changes()
    assert {key for _, key, _ in changes} == {"a", "\ud800"}
    memory.give_back(change for change in changes if change[1] == "a")
    await file.close(memory)
    assert remembered(path).get(PLACE, "a") == 1
