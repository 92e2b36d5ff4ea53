"""The server's log as hostile input: cut, rotated, truncated, mixed with garbage, too long."""

import json
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alerts.history.memory import Memory
from collectors._base import Absence
from collectors.log_counts import LogCount
from monitor.server_log import tail
from monitor.server_log.counter import Seen
from monitor.server_log.records import LONGEST, Parser, of_csv, of_json
from monitor.server_log.tail import Tail
from monitor.server_log.tally import MOST, Tally, cause_of
from monitor.server_log.watch import NOT_CONFIGURED, LogBook, log_watch, remembered

SECRET = "4111-1111"
approx = partial(pytest.approx, abs=0.01)


def entry(sqlstate: str = "42P01", **more: Any) -> bytes:
    """A line of jsonlog."""
    told = {"timestamp": "2026-01-01 00:00:00.000 UTC", "user": "app", "dbname": "shop", "pid": 7}
    told |= {"error_severity": "ERROR", "state_code": sqlstate, "message": f"no {SECRET}"}
    told |= {"statement": f"select '{SECRET}'", "backend_type": "client backend", **more}
    return json.dumps(told).encode() + b"\n"


def csv_entry(sqlstate: str = "42P01", message: str = "no", detail: str = "") -> bytes:
    cells = ["2026-01-01 00:00:00.000 UTC", '"app"', '"shop"', "7", '"[local]"', "x", "1"]
    cells += ['"SELECT"', "2026-01-01 00:00:00 UTC", "3/4", "0", "ERROR", sqlstate]
    quoted = ['"{}"'.format(text.replace('"', '""')) if text else "" for text in (message, detail)]
    cells += [*quoted, *[""] * 7, '"web"', '"client backend"', "", "0"]
    return ",".join(cells).encode() + b"\n"


@pytest.fixture
def book(tmp_path: Path) -> LogBook:
    return LogBook.of(tmp_path, Memory(), "db1")


def counted(book: LogBook) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in book.read(5.0).counts:
        found[row.sqlstate] = found.get(row.sqlstate, 0) + row.count
    return found


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.writelines(lines)


def test_only_what_is_new_is_counted(book: LogBook, tmp_path: Path) -> None:
    """What stands there at the start is not; a restart goes on where it stopped."""
    log = tmp_path / "a.json"
    append(log, entry("XX001"))
    assert counted(book) == {}
    append(log, entry(), entry(), entry("00000", error_severity="LOG"))
    assert counted(book) == {"42P01": 2}
    assert counted(book) == {"42P01": 2}
    append(log, entry("53300"))
    assert counted(LogBook.of(tmp_path, book.memory, "db1")) == {"53300": 1}


def test_among_too_many_files_the_newest_is_not_guessed(tmp_path: Path) -> None:
    """What is looked at in no order may lack the file that is written, and would look healthy."""
    for number in range(tail.ENTRIES):
        (tmp_path / f"{number}.json").touch()
    assert list(Tail(tmp_path).lines()) == []
    append(tmp_path / "newest.json", entry("XX001"))
    with pytest.raises(OSError, match="more than 10,000 files"):
        list(Tail(tmp_path).lines())


def test_no_text_is_kept(book: LogBook, tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    append(log, b"")
    counted(book)
    login = entry("28P01", user=SECRET, dbname=SECRET)
    append(log, entry(), login, entry("40P01", detail=f"Process 7 waits; {SECRET}"))
    seen = book.read(5.0)
    assert len(seen.counts) == 3
    assert SECRET not in f"{seen}{book.memory.everything()}"


def test_a_half_line_waits_for_its_end(book: LogBook, tmp_path: Path) -> None:
    log, line = tmp_path / "a.json", entry()
    append(log, b"")
    counted(book)
    append(log, line[:30])
    assert counted(book) == {}
    append(log, line[30:] + line[:10])
    assert counted(book) == {"42P01": 1}


def test_rotation_reads_the_old_file_to_its_end(book: LogBook, tmp_path: Path) -> None:
    """Also where the old file is renamed, and where several came in between."""
    first = tmp_path / "a.json"
    append(first, entry())
    counted(book)
    append(first, entry())
    os.utime(first, (100, 100))
    for n, name in enumerate(("b", "c"), 2):
        append(tmp_path / f"{name}.json", entry())
        os.utime(tmp_path / f"{name}.json", (100 * n, 100 * n))
    assert counted(book) == {"42P01": 3}
    (tmp_path / "c.json").rename(tmp_path / "c.1.json")
    append(tmp_path / "c.1.json", entry())
    append(tmp_path / "c.json", entry())
    assert counted(book) == {"42P01": 5}


def test_what_was_written_long_ago_is_not_of_now(book: LogBook, tmp_path: Path) -> None:
    """Read after a pause, or again because the file that was written is gone."""
    now = time.time()
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    append(old, entry("53100"))
    os.utime(old, (now - 7200, now - 7200))
    append(new, entry())
    assert book.read(now).counts == ()
    append(new, entry("53300"))
    [row] = book.read(now).counts
    assert (row.sqlstate, row.last) == ("53300", now)
    new.unlink()
    again = {row.sqlstate: row.last for row in book.read(now).counts}
    assert again["53100"] == pytest.approx(now - 7200, abs=1)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_what_was_written_in_a_pause_is_of_its_own_time(kind: str, tmp_path: Path) -> None:
    """Although the file is written still; once the end is reached, what comes is of now."""
    now, memory, log = time.time(), Memory(), tmp_path / f"a.{kind}"
    make = entry if kind == "json" else csv_entry

    def written(sqlstate: str, ago: float) -> bytes:
        moment = datetime.fromtimestamp(now - ago, UTC)
        text = moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"
        return make(sqlstate).replace(b"2026-01-01 00:00:00.000 UTC", text.encode())

    append(log, make())
    LogBook.of(tmp_path, memory, "db1").read(now - 8000)
    append(log, written("53100", 7200), written("53300", 60))
    again = LogBook.of(tmp_path, memory, "db1")
    found = {row.sqlstate: row.last for row in again.read(now).counts}
    assert found == {"53100": approx(now - 7200), "53300": approx(now - 60)}
    append(log, written("53100", 3600))
    assert {row.sqlstate: row.last for row in again.read(now + 15).counts}["53100"] == now + 15
    append(log, written("53100", -900))
    later = {row.sqlstate: row.last for row in again.read(now + 1000).counts}
    assert later["53100"] == approx(now + 900)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-01 00:00:00.250 UTC", 1767225600.25),
        ("2026-01-01 00:00:00 GMT", 1767225600.0),
        ("2026-01-01 00:00:00.000 -03", 1767225600.0 + 3 * 3600),
        ("2026-01-01 00:00:00.000 +0545", 1767225600.0 - 5.75 * 3600),
        ("2026-01-01 00:00:00.000 CST", None),
        ("2026-02-31 00:00:00.000 UTC", None),
        (7, None),
    ],
)
def test_a_time_counts_where_its_zone_is_plain(text: object, at: float | None) -> None:
    """That of America and that of China have one name."""
    record = of_json(entry(timestamp=text))
    assert record
    assert record.at == at


def test_truncation_and_removal_begin_anew(book: LogBook, tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    append(log, *[entry()] * 5)
    counted(book)
    log.write_bytes(entry("53100"))
    assert counted(book) == {"53100": 1}
    log.unlink()
    with pytest.raises(OSError, match=r"\.json or \.csv"):
        book.read(5.0)
    append(log, entry("53200"))
    assert counted(book) == {"53100": 1, "53200": 1}


def test_what_is_too_long_is_dropped(book: LogBook, tmp_path: Path) -> None:
    log = tmp_path / "a.json"
    append(log, b"")
    counted(book)
    append(log, entry(statement="x" * LONGEST), entry(), b"y" * 3 * LONGEST)
    assert counted(book) == {"42P01": 1}
    append(log, b"y\n", entry())
    seen = book.read(5.0)
    assert seen.counts[0].count == 2
    assert seen.log.dropped == 2


def test_a_flood_is_skipped(book: LogBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on near the end, and what was not read is counted."""
    monkeypatch.setattr(tail, "ROUND", 10_000)
    monkeypatch.setattr(tail, "BACKLOG", 50_000)
    log = tmp_path / "a.json"
    append(log, b"")
    counted(book)
    append(log, *[entry()] * 1000)
    seen = book.read(5.0)
    assert 0 < seen.counts[0].count < 100
    assert seen.log.skipped_bytes > 100_000
    append(log, *[entry()] * 100)
    assert book.read(5.0).log.behind_bytes > 0


@pytest.mark.parametrize("make", [entry, csv_entry], ids=["json", "csv"])
def test_garbage_is_survived(make: Callable[[], bytes], tmp_path: Path) -> None:
    """Whatever bytes stand between records; at the latest the next file is read again."""
    chance = random.Random(8)
    kind = "json" if make is entry else "csv"
    log, book = tmp_path / f"a.{kind}", LogBook.of(tmp_path, Memory(), "db1")
    append(log, b"")
    counted(book)
    for _ in range(60):
        append(log, make(), chance.randbytes(chance.randrange(300)) + b"\n", make()[:-40], b"\n")
        book.read(5.0)
    os.utime(log, (100, 100))
    append(tmp_path / f"b.{kind}", *[make()] * 400)
    assert counted(book)["42P01"] >= 400


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b"null",
        b'{"state_code": 5}',
        b'{"state_code": "lower"}',
        b'{"state_code": "42P01"',
        b"[" * 60_000,
        b"\xff\xfe",
        b'"a",b',
        b"2026-01-01 00:00:00 UTC,a",
    ],
    ids=range(10),
)
def test_what_is_no_record(line: bytes) -> None:
    assert of_json(line) is None
    assert of_csv(line) is None


def test_a_record_of_csvlog_may_have_many_lines() -> None:
    parser = Parser.of("csv")
    text = csv_entry("40P01", 'dead "lock"', "Process 1 waits\nProcess 2 waits")
    lines = text.splitlines(keepends=True)
    [record] = parser.records(iter(lines))
    assert (record.sqlstate, record.user, record.database, record.pid) == (
        "40P01",
        "app",
        "shop",
        7,
    )
    assert record.message == 'dead "lock"'
    assert record.backend_type == "client backend"


def test_a_statement_forges_no_records(tmp_path: Path) -> None:
    """However long it is: what stands in quotes is text, also after 64 KiB of it."""
    log, book = tmp_path / "a.csv", LogBook.of(tmp_path, Memory(), "db1")
    append(log, b"")
    counted(book)
    forged = "\n" + csv_entry("XX001").decode()
    for filler in ("x", "x" * 2 * LONGEST, "x\n" * LONGEST):
        append(log, csv_entry("42601", f"syntax error{forged}{filler}{forged}"))
        book.read(5.0)
    append(log, csv_entry())
    assert counted(book) == {"42601": 2, "42P01": 1}


def test_a_quote_that_never_ends_is_left_behind() -> None:
    """After four megabytes the next line that looks like a record is one."""
    parser = Parser.of("csv")
    lines = [b'2026-01-01 00:00:00 UTC,"never\n', *[csv_entry()] * 40_000]
    assert len(list(parser.records(iter(lines)))) > 1000
    assert parser.dropped > 0


def record_of(**more: Any) -> Any:
    made = of_json(entry(**more))
    assert made is not None
    return made


def test_what_a_tally_tells_apart() -> None:
    """Causes of cancelled statements, autovacuums, temporary files, the parties of a deadlock."""
    tally = Tally()
    vacuum = "autovacuum worker"
    for message, backend in [
        ("canceling statement due to statement timeout", "client backend"),
        ("canceling statement due to user request", "client backend"),
        ("canceling autovacuum task", vacuum),
        ("annulation de la requête", "client backend"),
    ]:
        tally.add(record_of(sqlstate="57014", message=message, backend_type=backend), 1.0)
    path = 'temporary file: path "base/pgsql_tmp/pgsql_tmp77.0", size 140000000'
    tally.add(record_of(sqlstate="00000", message=path), 1.0)
    detail = (
        "Process 7 waits for ShareLock on transaction 9; blocked by process 8.\n"
        "Process 8 waits for ShareLock on transaction 4; blocked by process 7.\n"
    )
    tally.add(record_of(sqlstate="40P01", detail=detail), 1.0)
    recovery = "canceling statement due to conflict with recovery"
    tally.add(record_of(sqlstate="40P01", message=recovery), 1.0)
    causes = {row.cause for row in tally.rows() if row.sqlstate == "57014"}
    assert causes == {"statement_timeout", "user_request", "autovacuum", "unknown"}
    assert (tally.autovacuums_cancelled, tally.temp_files, tally.temp_bytes) == (1, 1, 140_000_000)
    [deadlock] = tally.deadlocks
    assert deadlock.victim == 7
    assert deadlock.pids == {7, 8}


@pytest.mark.parametrize(
    ("sqlstate", "message", "cause"),
    [
        ("57014", "canceling statement due to statement timeout", "statement_timeout"),
        ("57014", "COPY from stdin failed: statement timeout, user request", "unknown"),
        ("57014", "Anweisung wird storniert wegen Zeitüberschreitung der Anfrage", "unknown"),
        ("57014", "annulation de l'instruction suite à une demande : user request", "unknown"),
        ("57014", "", "unknown"),
        ("40001", "canceling statement due to conflict with recovery", "recovery_conflict"),
        ("57P04", "terminating connection due to conflict with recovery", "recovery_conflict"),
        ("40P01", "canceling statement due to conflict with recovery", "recovery_conflict"),
        ("40P01", "deadlock detected", None),
        ("P0001", "canceling statement due to conflict with recovery", None),
        ("40001", "could not serialize access due to concurrent update", None),
        ("40001", "breche Anweisung ab wegen Konflikt bei der Wiederherstellung", "unknown"),
        ("42601", "canceling statement due to statement timeout", None),
    ],
)
def test_a_cause_is_never_guessed(sqlstate: str, message: str, cause: str | None) -> None:
    """A message of an application, or in another language, may have words of a known one."""
    assert cause_of(record_of(sqlstate=sqlstate, message=message)) == cause


def test_names_without_end_are_one_row() -> None:
    tally = Tally()
    for n in range(3 * MOST):
        tally.add(record_of(dbname=f"d{n}"), 1.0)
    tally.add(record_of(sqlstate="XX002", dbname="last"), 1.0)
    rows = tally.rows()
    assert len(rows) <= MOST + 2
    assert sum(row.count for row in rows) == 3 * MOST + 1
    assert LogCount("XX002", None, None, None, 1, 1.0, 1.0) in rows


def test_a_count_has_the_times_of_its_first_and_its_last() -> None:
    tally = Tally()
    for at in (1.0, 2.0, 5.0):
        tally.add(record_of(sqlstate="53300"), at)
    [row] = tally.rows()
    assert (row.count, row.first, row.last) == (3, 1.0, 5.0)


@pytest.mark.parametrize(
    "stored", [None, 5, [1, 2], ["a", 1, 2], [1, 2, -3, "x"], [1, 2, 3], {"a": 1}], ids=str
)
def test_a_position_that_was_not_written_by_us(stored: object) -> None:
    assert remembered(stored) is None


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(entry())
    (tmp_path / "a.json").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "b.json")
    with pytest.raises(OSError, match=r"\.json or \.csv"):
        list(Tail(tmp_path).lines())


async def test_the_watch_tells_what_it_lacks(tmp_path: Path) -> None:
    """Not configured, not there, and then read."""
    heard: list[Seen | Absence] = []
    log_watch(None, heard.append, heard.append, 1.0).tick(0.0)
    assert heard.pop() == NOT_CONFIGURED
    log = LogBook.of(tmp_path / "log", Memory(), "db1")
    watch = log_watch(log, heard.append, heard.append, 1.0)

    async def told(now: float) -> Seen | Absence:
        watch.tick(now)
        await watch.settled(5.0)
        return heard.pop()

    assert "can't be read: no such file" in str(await told(0.0))
    (tmp_path / "log").mkdir()
    append(tmp_path / "log" / "a.json", entry())
    assert isinstance(await told(2.0), Seen)
    append(tmp_path / "log" / "a.json", entry())
    seen = await told(4.0)
    assert isinstance(seen, Seen)
    assert [row.count for row in seen.counts] == [1]
