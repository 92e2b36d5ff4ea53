"""data_corruption_logged and resource_errors_logged, by a log that a real server writes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.availability import resource_errors_logged
from alerts.findings.storage import data_corruption_logged
from alerts.history.memory import Memory
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from collectors._base import Absence, Answer
from collectors.log_counts import LogCount, log_counts
from collectors.own_role import OwnRole, own_role
from monitor.server_log.watch import LogBook
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.until import until

CORRUPTION, SHORTAGE = data_corruption_logged.finding, resource_errors_logged.finding


def row(
    sqlstate: str,
    count: int = 1,
    age: float = 10.0,
    datname: str | None = "shop",
    usename: str = "app",
    known: float = 60.0,
) -> LogCount:
    """A row of which the first error was read `known` seconds ago."""
    return LogCount(sqlstate, None, datname, usename, count, AT - max(known, age), AT - age)


def with_rows(
    *rows: LogCount,
    before: Sequence[LogCount] = (),
    earlier: float = 30.0,
    is_superuser: bool = False,
) -> Snapshot:
    recorder = Recorder(SHORTAGE.history)
    recorder.record(log_counts, Answer(tuple(before), AT - earlier))
    recorder.record(log_counts, Answer(rows, AT))
    ours = filled(OwnRole, rolname="watcher", is_superuser=is_superuser)
    known = seen((log_counts, rows), (own_role, [ours]))
    return replace(known, histories=recorder.views(AT))


@pytest.mark.parametrize("sqlstate", ["XX001", "XX002"])
def test_damage_is_critical_for_a_day(sqlstate: str) -> None:
    verdict = verdict_of(CORRUPTION, with_rows(row(sqlstate, 3), row("42P01")))
    [subject] = verdict.subjects
    assert (subject.evidence.severity, subject.evidence.value) == (Severity.critical, 3)
    assert subject.evidence.database == "shop"
    assert verdict_of(CORRUPTION, with_rows(row(sqlstate, age=90_000))).state is State.healthy
    assert verdict_of(CORRUPTION, with_rows(row("XX000"))).state is State.healthy


@pytest.mark.parametrize(
    ("sqlstate", "severity"),
    [("53300", Severity.critical), ("53400", Severity.warning), ("58030", Severity.critical)],
)
def test_a_shortage_is_told_for_ten_minutes(sqlstate: str, severity: Severity) -> None:
    for known, value in ((590.0, 5), (610.0, 3)):  # all of it was counted within the window, or not
        before, now = (row(sqlstate, n, known=known) for n in (2, 5))
        [subject] = verdict_of(SHORTAGE, with_rows(now, before=[before], earlier=600.0)).subjects
        assert (subject.evidence.severity, subject.evidence.value) == (severity, value)
    assert verdict_of(SHORTAGE, with_rows(row(sqlstate, age=700))).state is State.healthy
    assert verdict_of(SHORTAGE, with_rows(row("42P01"))).state is State.healthy


def test_what_was_counted_before_a_restart_of_the_server_is_not_of_now() -> None:
    """Increases begin anew there, and the counts of the log go on."""
    [subject] = verdict_of(SHORTAGE, with_rows(row("53300", 500, known=90_000.0))).subjects
    assert subject.evidence.value == 1


def test_own_logins_are_told_apart() -> None:
    """Those of pgvigil are counted apart; alone, they are of a limit of its own."""
    ours, app = row("53300", 9, usename="watcher"), row("53300", 2)
    [both] = verdict_of(SHORTAGE, with_rows(ours, app, row("53300", 1, usename="jobs"))).subjects
    assert (both.evidence.severity, both.evidence.value) == (Severity.critical, 3)
    assert both.evidence.facts["own_errors"] == 9
    assert both.evidence.message.endswith(
        "in use, 2 of app in shop, 1 of jobs in shop (9 more were logins of pgvigil itself)."
    )
    [alone] = verdict_of(SHORTAGE, with_rows(ours)).subjects
    assert (alone.evidence.severity, alone.evidence.value) == (Severity.warning, 9)
    assert "when pgvigil itself wanted to log in" in alone.evidence.message
    # A superuser's name may be that of the application, too.
    [shared] = verdict_of(SHORTAGE, with_rows(ours, is_superuser=True)).subjects
    assert shared.evidence.severity is Severity.critical
    # Other failures of pgvigil's statements are failures like any.
    [memory] = verdict_of(SHORTAGE, with_rows(row("53200", 1, usename="watcher"))).subjects
    assert memory.evidence.severity is Severity.critical


@pytest.mark.parametrize("finding", [CORRUPTION, SHORTAGE], ids=str)
def test_a_log_that_is_not_read_is_unknown(finding: AnyFinding) -> None:
    """Not configured is told apart from broken."""
    why = Absence("no server_log is configured", setting="server_log")
    verdict = verdict_of(finding, replace(seen(), absent={log_counts: why}))
    assert (verdict.state, verdict.unjudged[0].setting) == (State.unknown, "server_log")


@pytest.mark.versions(14, 18)
async def test_real_errors_in_a_real_log(private_server: PrivateServers, version: int) -> None:
    """Csvlog on 14 and jsonlog on 18: refused logins, a raised corruption, and no text of them."""
    form = "jsonlog" if version >= 15 else "csvlog"
    options: dict[str, Any] = {"logging_collector": "on", "log_destination": form}
    server = private_server(max_connections=5, superuser_reserved_connections=2, **options)
    book = LogBook.of(server.data / "log", Memory(), "db1")
    book.read(AT)
    async with connected(server.dsn()) as admin:
        await admin.execute("create role app login")
        held = [await asyncpg.connect(server.dsn(user="app")) for _ in range(2)]
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await asyncpg.connect(server.dsn(user="app"))
        raising = (
            "do $$ begin raise 'block 7 of \"orders\"\nsecret' using errcode = 'XX001'; end $$"
        )
        with pytest.raises(asyncpg.DataCorruptedError):
            await admin.execute(raising)
    for session in held:
        await session.close()

    async def both() -> Sequence[LogCount]:
        counted = book.read(AT).counts
        return counted if len(counted) == 2 else ()

    counted = await until(both, "the collector of the log has written both")
    assert {one.sqlstate: one.count for one in counted} == {"53300": 1, "XX001": 1}
    assert "secret" not in str(counted)
    snapshot = with_rows(*counted)
    assert verdict_of(CORRUPTION, snapshot).state is State.ill
    assert verdict_of(SHORTAGE, snapshot).state is State.ill


@pytest.mark.versions(15, 18)
@pytest.mark.parametrize(
    ("sqlstate", "statement", "advised"),
    [
        ("53200", "BEGIN; PREPARE TRANSACTION 'two'", "max_prepared_transactions"),
        ("53400", "SELECT pg_create_physical_replication_slot('two')", "max_replication_slots"),
    ],
)
async def test_codes_of_several_shortages(
    private_server: PrivateServers, sqlstate: str, statement: str, advised: str
) -> None:
    """No memory is lacking, and no temporary file is too large: the advice knows of the other."""
    options: dict[str, Any] = {"logging_collector": "on", "log_destination": "jsonlog"}
    server = private_server(max_prepared_transactions=1, max_replication_slots=1, **options)
    book = LogBook.of(server.data / "log", Memory(), "db1")
    assert book.read(AT).counts == ()
    async with connected(server.dsn()) as session:
        await session.execute("BEGIN; PREPARE TRANSACTION 'one'")
        await session.execute("SELECT pg_create_physical_replication_slot('one')")
        with pytest.raises(asyncpg.PostgresError):
            await session.execute(statement)

    async def logged() -> Sequence[LogCount] | None:
        return [one for one in book.read(AT).counts if one.sqlstate == sqlstate]

    [subject] = verdict_of(SHORTAGE, with_rows(*(await until(logged, sqlstate) or ()))).subjects
    assert advised in "".join(subject.evidence.cure)


@pytest.mark.versions(14, 18)
async def test_errors_of_a_database_in_another_encoding(
    private_server: PrivateServers, version: int
) -> None:
    """The log has their statements as bytes that are not UTF-8."""
    form = "jsonlog" if version >= 15 else "csvlog"
    options: dict[str, Any] = {"logging_collector": "on", "log_destination": form}
    server = private_server(**options)
    book = LogBook.of(server.data / "log", Memory(), "db1")
    book.read(AT)
    async with connected(server.dsn()) as admin:
        await admin.execute(
            "CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    async with connected(server.dsn("old")) as session:
        with pytest.raises(asyncpg.DataCorruptedError):
            await session.execute("DO $$ BEGIN RAISE 'café' USING ERRCODE = 'XX001'; END $$")

    async def logged() -> Sequence[LogCount]:
        return book.read(AT).counts

    [one] = await until(logged, "the error is counted", 30)
    assert (one.sqlstate, one.datname, one.count) == ("XX001", "old", 1)
    assert verdict_of(CORRUPTION, with_rows(one)).state is State.ill
