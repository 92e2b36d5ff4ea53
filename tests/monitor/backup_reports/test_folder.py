"""The folder of backup reports: plain files only, with limits, and a mount that never answers."""

import asyncio
import os
from pathlib import Path

import pytest

from collectors._base import Absence
from collectors.backup_reports import BackupFolder
from monitor.backup_reports import watch as watching
from monitor.backup_reports.folder import LARGEST, read_folder
from monitor.backup_reports.watch import NOT_CONFIGURED, backup_watch
from tests.fixtures.until import until


def problems(folder: Path) -> list[str | None]:
    return [report.problem for report in read_folder(folder).reports]


def test_what_is_there_is_read(tmp_path: Path) -> None:
    (tmp_path / "wal-g.json").write_text("[]")
    os.utime(tmp_path / "wal-g.json", (5, 1000))
    (tmp_path / "restore-tested").touch()
    os.utime(tmp_path / "restore-tested", (5, 2000))
    (tmp_path / "other.json").write_text("no report")
    folder = read_folder(tmp_path)
    assert [(r.tool, r.written, r.problem) for r in folder.reports] == [("wal-g", 1000, None)]
    assert folder.restore_tested == 2000


def test_nothing_there(tmp_path: Path) -> None:
    assert read_folder(tmp_path) == BackupFolder(str(tmp_path), (), None)
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path / "missing")


def test_links_devices_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    """A link could lead anywhere, and a pipe would wait for ever."""
    secret = tmp_path / "secret"
    secret.write_text("[]")
    there = tmp_path / "there"
    there.mkdir()
    (there / "pgbackrest.json").symlink_to(secret)
    (there / "restore-tested").symlink_to(secret)
    os.mkfifo(there / "wal-g.json")
    (there / "barman.json").mkdir()
    assert problems(there) == ["it is a link", "it is not a plain file", "it is not a plain file"]
    assert read_folder(there).restore_tested is None


def test_all_together_have_a_limit(tmp_path: Path) -> None:
    half = b"[" + b" " * (LARGEST * 6 // 10) + b"]"
    (tmp_path / "pgbackrest.json").write_bytes(half)
    (tmp_path / "wal-g.json").write_bytes(half)
    first, second = problems(tmp_path)
    assert first == "no stanza exists in the repository"
    assert second == "all reports together have more than 1 MiB"


class Heard:
    """What a watch tells the daemon."""

    def __init__(self, folder: Path | None) -> None:
        self.rows: list[BackupFolder] = []
        self.lacks: list[Absence] = []
        self.watch = backup_watch(folder, self.rows.append, self.lacks.append, pace=300)


def test_without_a_folder_it_is_not_configured() -> None:
    heard = Heard(None)
    heard.watch.tick(0)
    assert heard.lacks == [NOT_CONFIGURED]
    assert NOT_CONFIGURED.setting == "backup_reports"


async def test_it_is_read_at_its_pace(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    heard.watch.tick(0)
    await heard.watch.settled(60)
    heard.watch.tick(299)
    assert (len(heard.rows), heard.watch.visit) == (1, None)
    heard.watch.tick(300)
    await heard.watch.settled(60)
    assert len(heard.rows) == 2


async def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    heard = Heard(tmp_path / "gone")
    heard.watch.tick(0)
    await heard.watch.settled(60)
    [why] = heard.lacks
    assert why.reason.endswith("can't be read: no such file or directory")


async def test_a_dead_mount_holds_one_thread_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a pipe without a writer never returns, as a dead mount does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def never(folder: Path) -> BackupFolder:
        with pipe.open("rb"):
            return BackupFolder(str(folder), (), None)

    monkeypatch.setattr(watching, "read_folder", never)
    heard = Heard(tmp_path)
    heard.watch.tick(0)
    held = heard.watch.visit
    for now in (300, 600, 900):
        heard.watch.tick(now)
    assert heard.watch.visit is held
    assert {why.reason for why in heard.lacks} == {f"{tmp_path} does not answer: a dead mount?"}
    with pipe.open("wb"):
        pass
    assert held

    async def done() -> bool:
        await asyncio.sleep(0)
        return held.done.is_set()

    await until(done, "the mount answers again")
    heard.watch.tick(901)
    assert len(heard.rows) == 1
