"""The log of a server that reads it for us: by the printed function, on jsonlog and csvlog."""

from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from alerts.history.memory import Memory
from collectors.log_counts import log_counts
from collectors.log_files import log_files
from collectors.logged_plans import logged_plans
from collectors.server_log import server_log
from monitor.postgres.server_log_sql import statements
from monitor.reading import ReadFailure
from monitor.server_log import by_sql
from monitor.server_log.by_sql import LogBySql, obstacle, remembered
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until
from tests.monitor.server_log.test_log import SECRET, csv_entry, entry


@dataclass
class Folder:
    """Files as the server shows them, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    allowed: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def append(self, name: str, *lines: bytes) -> None:
        self.files[name] = self.files.get(name, b"") + b"".join(lines)
        self.order = [one for one in self.order if one != name] + [name]

    async def ask(self, query: str) -> list[Any]:
        self.asked.append(query)
        if query == by_sql.ALLOWED:
            fine = dict.fromkeys(("is_there", "is_granted", "is_safe", "is_collected"), True)
            return [{**fine, "datname": "shop", **self.allowed}]
        if query == by_sql.FILES:
            times = {name: 1000.0 * place for place, name in enumerate(self.order)}
            return [(name, len(content), times[name]) for name, content in self.files.items()]
        name, start, length = query.partition("(")[2].rstrip(")").split(", ")
        content = self.files.get(name.strip("'"), b"")
        return [(content[int(start) : int(start) + min(int(length), by_sql.PART)],)]


@pytest.fixture
def folder() -> Folder:
    made = Folder()
    made.append("a.json", entry("XX001"))
    return made


async def counted(log: LogBySql, folder: Folder) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in (await log.read(folder.ask, 60.0)).counts:
        found[row.sqlstate] = found.get(row.sqlstate, 0) + row.count
    return found


async def test_only_what_is_new_is_counted(folder: Folder) -> None:
    """A half line waits for its end; a restart goes on where it stopped; no text is kept."""
    log = LogBySql.of(Memory(), "db1")
    assert await counted(log, folder) == {}
    folder.append("a.json", entry(), entry()[:30])
    assert await counted(log, folder) == {"42P01": 1}
    folder.append("a.json", entry()[30:], entry("53300"))
    assert await counted(log, folder) == {"42P01": 2, "53300": 1}
    folder.append("a.json", entry("53200"))
    assert await counted(LogBySql.of(log.memory, "db1"), folder) == {"53200": 1}
    assert SECRET not in f"{log.counter}{log.memory.everything()}"


async def test_other_files_follow(folder: Folder) -> None:
    """The old file is read to its end; one that is written anew under its name is a new one."""
    log = LogBySql.of(Memory(), "db1")
    folder.append("a.json", *[entry()] * 5)
    await counted(log, folder)
    folder.append("a.json", entry())
    folder.append("b.json", entry("53100"))
    folder.append("c.json", entry("53200"))
    assert await counted(log, folder) == {"42P01": 1, "53100": 1, "53200": 1}
    folder.files["c.json"] = entry("53400") * 9
    assert (await counted(log, folder))["53400"] == 9
    folder.files, folder.order = {}, []
    folder.append("d.json", entry("58030"))
    assert (await counted(log, folder))["58030"] == 1


async def test_two_formats_are_one_log(folder: Folder) -> None:
    """Whichever was written last when we looked."""
    log = LogBySql.of(Memory(), "db1")
    folder.append("a.csv", csv_entry())
    folder.files["a.json"] += entry()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.server_log.tail.AT_ONCE", 2000.0)
        await counted(log, folder)
        folder.append("a.json", entry())
        folder.append("a.csv", csv_entry())
        assert await counted(log, folder) == {"42P01": 1}


async def test_a_flood_is_read_in_parts_and_then_skipped(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_sql, "PART", 3_000)
    monkeypatch.setattr(by_sql, "ROUND", 10_000)
    monkeypatch.setattr(by_sql, "BACKLOG", 50_000)
    log = LogBySql.of(Memory(), "db1")
    await counted(log, folder)
    folder.append("a.json", *[entry()] * 100)
    folder.asked.clear()
    seen = await log.read(folder.ask, 60.0)
    assert 10 < seen.counts[0].count < 60
    assert seen.log.behind_bytes > 0
    assert len(folder.asked) < 10
    folder.append("a.json", *[entry()] * 1000)
    assert (await log.read(folder.ask, 60.0)).log.skipped_bytes > 100_000


@pytest.mark.parametrize("lacks", ["is_there", "is_granted", "is_safe", "is_collected"])
async def test_what_is_missing_is_said(lacks: str, folder: Folder) -> None:
    """A function that another role could change is not called."""
    folder.allowed = {lacks: False}
    with pytest.raises(ReadFailure) as told:
        await LogBySql.of(Memory(), "db1").read(folder.ask, 60.0)
    assert obstacle((await folder.ask(by_sql.ALLOWED))[0]) == str(told.value)
    assert not [query for query in folder.asked if "server_log_part(" in query.partition("\n")[0]]


@pytest.mark.parametrize("stored", [None, 5, ["a"], [1, 2, "x"], ["a", -1, ""], {"a": 1}], ids=str)
def test_a_place_that_was_not_written_by_us(stored: object) -> None:
    assert remembered(stored) is None


@pytest.mark.versions(14, 18)
async def test_on_a_real_server(
    private_server: PrivateServers, psql: Psql, watch: Watch, version: int
) -> None:
    """Unknown without the function; with the printed one errors are counted, and nothing else of
    the data directory can be read by it."""
    kind = "csvlog" if version == 14 else "jsonlog"
    server = private_server(logging_collector="on", log_destination=kind, log_directory="log")
    monitor = server.dsn(user=MONITOR)
    watched = await watch(monitor, server_log_by_sql="true", **{"paces.normal": "1s"})
    await watched.until_seen()

    async def told(wanted: str) -> bool:
        absence = watched.server.snapshot().absent.get(server_log)
        return absence is not None and wanted in absence.reason

    await until(lambda: told("does not exist: run `pgvigil setup-sql --server-log`"), "it is said")
    for _ in range(2):
        await psql(server.dsn(), "\n".join(statements(MONITOR)))

    async def counted() -> bool:
        async with connected(server.dsn(user=MONITOR)) as app:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await app.execute(f"select 1 / 0, '{SECRET}'")
        snapshot = watched.server.snapshot()
        rows = snapshot.rows(log_counts) if snapshot.has(log_counts) else ()
        return ("22012", MONITOR) in [(row.sqlstate, row.usename) for row in rows]

    await until(counted, "the error is counted")
    # What is asked of sessions may have seen the statement itself.
    told_of_log = [
        watched.server.snapshot().answer(one)
        for one in (server_log, log_counts, log_files, logged_plans)
        if watched.server.snapshot().has(one)
    ]
    assert told_of_log
    assert SECRET not in f"{told_of_log}"
    await psql(server.dsn(), "create role other login")
    async with connected(monitor) as asker:
        part = "select pgvigil.server_log_part($1, 0, 100)"
        for name in (
            "../PG_VERSION",
            "PG_VERSION",
            "../global/pg_control",
            ".json",
            "../log/a.json",
        ):
            assert not await asker.fetchval(part, name), name
    async with connected(server.dsn(user="other")) as other:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await other.fetchval(part, "a.json")
    await psql(server.dsn(), "alter function pgvigil.server_log_part owner to other")
    await until(lambda: told("does not belong to a superuser, so it is not called"), "it is said")
