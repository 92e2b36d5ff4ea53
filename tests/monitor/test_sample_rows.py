"""Samples in the state file: taken over, thinned, and the finest dropped in a file too large."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.history.samples import DAY, HOUR, MINUTE, Sample, Series
from monitor import sample_rows
from monitor.state_file import StateFile

PLACE = Namespace("7301", "shop", "runway.xids")
ONE = Series(PLACE, "", "")
FORMAT_1 = """
    create table memory (
        cluster text not null, server text not null, room text not null, key text not null,
        value text not null, primary key (cluster, server, room, key)
    ) without rowid
"""


async def added(path: Path, step: int, *samples: Sample, series: Series = ONE) -> None:
    memory, file = Memory(), StateFile(path)
    file.load(memory)
    for sample in samples:
        assert memory.samples.add(series, step, *sample)
    await file.close(memory)
    assert file.error is None


def kept(path: Path, step: int, since: float = 0, series: Series = ONE) -> list[Sample]:
    memory = Memory()
    StateFile(path).read(memory)
    return memory.samples.read(series, step, since)


async def test_a_file_of_format_1_is_taken_over(tmp_path: Path) -> None:
    """Its memory stays; what is new is added, and its format said."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(FORMAT_1)
        old.execute("insert into memory values ('7301', 'shop', 'index_unused', 'a', '7')")
        old.execute("pragma user_version = 1")
    await added(path, HOUR, Sample(1.0, 2.5))
    assert kept(path, HOUR) == [Sample(1.0, 2.5)]
    memory = Memory()
    StateFile(path).read(memory)
    assert memory.get(PLACE.of("index_unused"), "a") == 7
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("pragma user_version").fetchone() == (2,)


async def test_samples_of_a_newer_format_are_not_read(tmp_path: Path) -> None:
    """What they mean there is not known here."""
    path = tmp_path / "state.db"
    await added(path, HOUR, Sample(1.0, 2.5))
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("pragma user_version = 3")
    assert kept(path, HOUR) == []


async def test_each_step_is_kept_for_its_time(tmp_path: Path) -> None:
    """Minutes for two hours, hours for 15 days, days for 400."""
    path = tmp_path / "state.db"
    for step, seconds in ((MINUTE, 2 * HOUR), (HOUR, 15 * DAY), (DAY, 400 * DAY)):
        ages = (seconds + 10.0, seconds - 10.0, 0.0)
        await added(path, step, *(Sample(1e9 - age, age) for age in ages))
        assert [sample.value for sample in kept(path, step)] == [seconds - 10.0, 0.0]
    assert kept(path, DAY, 1e9) == [Sample(1e9, 0.0)]


async def test_a_series_that_ended_is_dropped_within_days(tmp_path: Path) -> None:
    """Another epoch is another series; the old one goes with its last sample."""
    path = tmp_path / "state.db"
    await added(path, HOUR, Sample(0.0, 1.0), series=ONE._replace(epoch="old"))
    await added(path, DAY, Sample(20.0 * DAY, 1.0))
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("select epoch from series").fetchall() == [("",)]


async def test_the_finest_samples_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file is too large; days are never dropped for that."""
    path = tmp_path / "state.db"
    await added(path, DAY, Sample(1.0, 1.0))
    monkeypatch.setattr(sample_rows, "LARGEST", 1)
    await added(path, MINUTE, Sample(1.0, 1.0))
    assert kept(path, MINUTE) == []
    assert kept(path, DAY) == [Sample(1.0, 1.0)]


async def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    odd = ONE._replace(key="\ud800")
    await added(path, HOUR, Sample(1.0, 1.0), series=odd)
    assert kept(path, HOUR, series=odd) == []


@pytest.mark.parametrize("odd", ["text", b"\xff", 9e999, -9e999])
async def test_what_is_no_number_is_left_out(tmp_path: Path, odd: object) -> None:
    """SQLite keeps anything in any column; the other samples are read."""
    path = tmp_path / "state.db"
    await added(path, HOUR, Sample(1.0, 2.5), Sample(3600.0, 3.5), Sample(7200.0, 4.5))
    with closing(sqlite3.connect(path)) as edited, edited:
        edited.execute("update samples set value = ? where at = 3600", (odd,))
        edited.execute("update samples set at = ? where at = 7200", (odd,))
    assert kept(path, HOUR) == [Sample(1.0, 2.5)]


def test_what_could_not_be_written_is_kept(tmp_path: Path) -> None:
    """And read from RAM until then."""
    samples = Memory().samples
    StateFile(tmp_path / "state.db").read(memory := Memory())
    samples.read_file = memory.samples.read_file
    samples.add(ONE, HOUR, 1.0, 2.0)
    samples.give_back(samples.take_new())
    assert samples.read(ONE, HOUR, 0) == [Sample(1.0, 2.0)]
