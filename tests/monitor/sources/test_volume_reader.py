"""Volumes: each file system once, whatever may be read there; no mount that hangs is waited for."""

import os
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from alerts.findings.runway.disk_full import finding as disk_full
from alerts.history.recorder import Recorder
from collectors._base import Absence
from collectors.volumes import Volume, volumes
from monitor.demo.binaries import Owner
from monitor.sources import volume_reader
from monitor.sources.volume_reader import NOT_MOUNTED, PACE, measured, volume_watch
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen


def server(folder: Path, mode: int = 0o700) -> Path:
    data = folder / "data"
    for name in ("pg_wal", "pg_tblspc", "log"):
        (data / name).mkdir(parents=True)
    (data / "log" / "a.log").write_bytes(b"x" * 1000)
    (data / "log" / "link").symlink_to("/dev/zero")
    (data / "pg_tblspc" / "16400").symlink_to(folder)
    data.chmod(mode)
    return data


def test_one_file_system_is_one_volume(tmp_path: Path) -> None:
    """With all that lies there; its size is that of statvfs, and no link leads to a file."""
    data = server(tmp_path)
    [found] = measured(data)
    space = os.statvfs(data)
    assert found.places == "data, wal, tablespace 16400"
    # Others write to it in between.
    assert found.available_bytes == pytest.approx(space.f_bavail * space.f_frsize, abs=1 << 30)
    assert found.log_bytes == 1000
    assert 0 <= (found.used_bytes or -1) <= (found.size_bytes or 0)


def test_a_volume_of_its_own_is_another(tmp_path: Path) -> None:
    """pg_wal, here in memory; one that is named and not there is told as such."""
    data = server(tmp_path)
    own = measured(data, Path("/dev/shm"))
    assert [volume.places for volume in own] == ["data, tablespace 16400", "wal"]
    [_, lost] = measured(data, tmp_path / "nowhere")
    assert (lost.places, lost.size_bytes) == ("wal", None)
    assert lost.error == "no such file or directory"


def test_a_link_that_leads_nowhere_here_is_no_volume_of_the_data(tmp_path: Path) -> None:
    """In a container beside the server the volume of WAL may not be mounted: it is unknown."""
    data = tmp_path / "data"
    (data / "pg_tblspc").mkdir(parents=True)
    (data / "pg_wal").symlink_to(tmp_path / "elsewhere")
    known, wal = measured(data)
    assert (known.places, wal.places, wal.size_bytes) == ("data", "wal", None)
    views = Recorder(disk_full.history).views(AT)
    snapshot = replace(seen((volumes, (known, wal))), histories=views)
    [unjudged] = verdict_of(disk_full, snapshot).unjudged
    assert (unjudged.subject, "wal_directory" in unjudged.reason) == ("wal", True)


def test_a_user_who_cannot_read_the_data_sees_the_volume() -> None:
    """As a sidecar with a uid of its own: where the data are, WAL is assumed to be."""
    owner = Owner.unprivileged()
    folder = owner.scratch()
    data, ourselves = server(folder), os.geteuid()
    os.chown(folder, ourselves, os.getegid())
    folder.chmod(0o755)
    os.seteuid(owner.uid or ourselves)
    try:
        found = measured(data)
    finally:
        os.seteuid(ourselves)
    if owner.uid is not None:
        assert [volume.places for volume in found] == ["data, wal"]
        assert found[0].log_bytes is None


async def test_a_mount_that_hangs_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread waits for it and no second is begun; when it answers, that is taken."""
    release, looks = Event(), list[Path]()

    def hung(data: Path, wal: Path | None = None) -> list[Volume]:
        looks.append(data)
        release.wait(30)
        return measured(data, wal)

    monkeypatch.setattr(volume_reader, "measured", hung)
    found, lacks = list[list[Volume]](), list[Absence]()
    watch = volume_watch(server(tmp_path), None, found.append, lacks.append)
    for second in range(60):
        watch.tick(second)
    assert {why.reason for why in lacks} == {f"{tmp_path}/data does not answer: a dead mount?"}
    assert found == []
    release.set()
    await watch.settled(30)
    assert (len(looks), len(found)) == (1, 1)


async def test_a_defect_leaves_no_old_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found before is not supplied again as if it were new."""
    found, lacks = list[list[Volume]](), list[Absence]()
    watch = volume_watch(server(tmp_path), None, found.append, lacks.append)
    watch.tick(0)
    await watch.settled(30)

    def broken(data: Path, wal: Path | None = None) -> list[Volume]:
        raise ZeroDivisionError

    monkeypatch.setattr(volume_reader, "measured", broken)
    watch.tick(PACE)
    await watch.settled(30)
    assert len(found) == 1
    assert [why.reason for why in lacks] == ["a defect in pgvigil: ZeroDivisionError"]


def test_without_a_mount_it_is_not_configured() -> None:
    lacks = list[Absence]()
    volume_watch(None, None, lambda _: None, lacks.append).tick(0)
    assert lacks == [NOT_MOUNTED]
