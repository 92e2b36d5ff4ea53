"""The state file: a restart forgets nothing, and a disk that fails stops nobody."""

import asyncio
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from alerts._base import Evidence, Severity
from alerts.history.memory import Json, Memory, Namespace
from alerts.history.samples import Series
from alerts.verdicts.evidence_json import as_json
from monitor.demo.binaries import Owner
from monitor.state_file import StateFile

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


SUBJECT = json.dumps(
    as_json(Evidence("a", Severity.info, 1, "A is ill.", facts={}, cure=(), check=""))
)


def remembered(path: Path) -> Memory:
    memory = Memory()
    StateFile(path).read(memory)
    return memory


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    """Values of every kind come back; what was forgotten stays forgotten."""
    path, memory = tmp_path / "state.db", Memory()
    file = StateFile(path)
    file.load(memory)
    memory.put(PLACE, 'index:shop\x00public."Odd\nname"', [1.5, 2, {"why": None}])
    memory.put(PLACE, "gone", True)
    await file.save(memory)
    memory.forget(PLACE, "gone")
    await file.close(memory)
    assert dict(remembered(path).items(PLACE)) == {
        'index:shop\x00public."Odd\nname"': [1.5, 2, {"why": None}]
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


def error_of(file: StateFile) -> str | None:
    return file.error


async def trouble_with(path: Path) -> str | None:
    """What a daemon says of the file, after it has read it and tried to write."""
    memory = Memory()
    file = StateFile(path)
    file.load(memory)
    memory.put(PLACE, "new", 1)
    await file.close(memory)
    return file.error


async def saved(path: Path, **values: Json) -> None:
    memory = Memory()
    file = StateFile(path)
    memory.update(PLACE, values)
    await file.close(memory)
    assert file.error is None


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


@pytest.mark.parametrize("content", [b"my notes\n" * 1000, b"x", b"\0" * 4096])
async def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Somebody's own file named by mistake: said, not a byte changed, and the daemon works."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert await trouble_with(path) == "it is not a state file"
    assert path.read_bytes() == content


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Also where it has a table of that name."""
    path = tmp_path / "other.db"
    change(path, "create table memory (a text)")
    content = path.read_bytes()
    assert "no such column" in (await trouble_with(path) or "")
    assert path.read_bytes() == content


async def test_a_file_of_a_newer_version_is_read_and_left_alone(tmp_path: Path) -> None:
    """As far as it has what we know of; else a downgrade would forget everything."""
    path = tmp_path / "state.db"
    await saved(path, old=7)
    change(path, "alter table memory add column more text")
    change(path, "pragma user_version = 99")
    assert "another version of pgvigil wrote it (format 99" in (await trouble_with(path) or "")
    assert dict(remembered(path).items(PLACE)) == {"old": 7}


async def test_an_extra_column_does_not_matter(tmp_path: Path) -> None:
    """Columns are read and written by name."""
    path = tmp_path / "state.db"
    await saved(path, old=7)
    change(path, "alter table memory add column more text")
    assert await trouble_with(path) is None
    assert dict(remembered(path).items(PLACE)) == {"old": 7, "new": 1}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("a", "{"),
        ("a", "[" * 100_000),
        ("a", "9" * 5_000),
        ("a", "1" + "0" * 300),
        ("a", "[-1e300, 1]"),
        ("a", '{"at": NaN}'),
        ("a", "[1e999]"),
        ("a", "-Infinity"),
        ("a", b"\xff\xfe"),
        (b"\xff", "1"),
        ("case:x", "[1]"),
        ("case:x", "[1, 2, {}]"),
        ("case:x", '[1, 2, {"subject": 3}]'),
        ("case:x", '"text"'),
        ("case:x", f"[1e14, 2, {SUBJECT}]"),
        ("case:x", f"[1, true, {SUBJECT}]"),
        ("case:x", f"[-1, 2, {SUBJECT}]"),
        ("a", '"' + "x" * (1 << 20) + '"'),
    ],
)
async def test_entries_that_cannot_be_read_are_counted_and_left_out(
    tmp_path: Path, key: object, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are read, and the file is written as before."""
    path = tmp_path / "state.db"
    await saved(path, good=7)
    change(path, "insert into memory values ('7301', 'shop', 'index_unused', ?, ?)", key, value)
    assert dict(remembered(path).items(PLACE)) == {"good": 7}
    assert "entries that can't be read, the others were entries=1" in capsys.readouterr().out
    assert await trouble_with(path) is None


async def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Said once, and not written any more: somebody may want to repair it."""
    path = tmp_path / "state.db"
    await saved(path, **{f"key{number:04}": "x" * 500 for number in range(1000)})
    change(path, "pragma wal_checkpoint(truncate)")
    os.truncate(path, path.stat().st_size * 9 // 10 // 4096 * 4096)
    assert "malformed" in (await trouble_with(path) or "")
    assert remembered(path).get(PLACE, "key0000") is not None


async def test_a_file_that_was_deleted_is_written_anew_with_everything(tmp_path: Path) -> None:
    """Not only with what changes from then on."""
    path, memory = tmp_path / "state.db", Memory()
    file = StateFile(path)
    file.load(memory)
    memory.put(PLACE, "a", 1)
    await file.save(memory)
    for part in ("state.db", "state.db-wal", "state.db-shm", "state.db.lock"):
        (tmp_path / part).unlink(missing_ok=True)
    memory.put(PLACE, "b", 2)
    await file.close(memory)
    assert dict(remembered(path).items(PLACE)) == {"a": 1, "b": 2}


async def test_a_second_daemon_reads_the_file_and_waits_for_the_first(tmp_path: Path) -> None:
    """Two would overwrite each other; when the first ends, as in an update, the second goes on."""
    path, memory, other = tmp_path / "state.db", Memory(), Memory()
    await saved(path, a=1)
    first, second = StateFile(path), StateFile(path)
    first.load(memory)
    second.load(other)
    assert error_of(second) == "another pgvigil uses it"
    assert other.get(PLACE, "a") == 1
    other.put(PLACE, "b", 2)
    await second.save(other)
    assert remembered(path).get(PLACE, "b") is None
    await first.close(memory)
    await second.close(other)
    assert second.error is None
    assert dict(remembered(path).items(PLACE)) == {"a": 1, "b": 2}


async def test_a_file_that_was_locked_at_the_start_is_read_later(tmp_path: Path) -> None:
    """What it has is not overwritten by a memory that began empty; what is new stays."""
    path, memory = tmp_path / "state.db", Memory()
    await saved(path, old=7, both=1)
    change(path, "pragma journal_mode = delete")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin exclusive")
    file = StateFile(path)
    file.load(memory)
    assert error_of(file) == "another process has locked it"
    memory.put(PLACE, "both", 2)
    holder.close()
    await file.close(memory)
    assert file.error is None
    assert dict(remembered(path).items(PLACE)) == {"old": 7, "both": 2}


def test_a_read_only_file_is_read() -> None:
    """As in a container whose volume is mounted read-only. Root may write everywhere."""
    owner = Owner.unprivileged()
    folder = owner.scratch()
    path, memory = folder / "state.db", Memory()
    asyncio.run(saved(path, a=1))
    path.chmod(0o444)
    folder.chmod(0o555)
    ourselves = os.geteuid()
    os.seteuid(owner.uid or ourselves)
    try:
        file = StateFile(path)
        file.load(memory)
    finally:
        os.seteuid(ourselves)
        shutil.rmtree(folder)
    assert memory.get(PLACE, "a") == 1
    assert file.error == "permission denied"


@pytest.mark.parametrize("name", ["x" * 300, "file/state.db", "loop"])
async def test_a_path_that_leads_nowhere_is_said(tmp_path: Path, name: str) -> None:
    """As a folder that may not be looked into: it is not taken for a file that is not there."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    file, memory = StateFile(tmp_path / name), Memory()
    file.read(memory)
    assert file.error is not None
    assert await trouble_with(tmp_path / name)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
async def test_what_is_no_plain_file_is_said(tmp_path: Path, kind: str) -> None:
    """And nobody waits for the other end of a pipe."""
    path = tmp_path / "state.db"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    assert await trouble_with(path) == "it is not a plain file"
    assert StateFile(path).read_samples(Series(("c", "s", "trends"), "size", "1"), 60, 0.0) == ()


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


async def test_a_name_that_is_no_text_does_not_keep_the_rest_from_the_file(tmp_path: Path) -> None:
    """SQLite can't keep a lone surrogate, as in a name that is not UTF-8."""
    path, memory = tmp_path / "state.db", Memory()
    file = StateFile(path)
    memory.put(PLACE, "a", 1)
    memory.put(PLACE, "\ud800", 1)
    await file.close(memory)
    assert file.error is None
    assert dict(remembered(path).items(PLACE)) == {"a": 1}
