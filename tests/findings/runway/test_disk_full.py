"""disk_full: by level, by the hour and by days, and what has grown is named."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.runway.disk_full import Limits, finding
from alerts.history.kind import AnyHistory
from alerts.history.recorder import Recorder
from alerts.history.samples import DAY, MINUTE, Sample
from alerts.runway.growers import grower
from alerts.runway.rate import Rate
from alerts.runway.size_trends import DATABASE_SIZES
from alerts.runway.trends import Trend
from alerts.runway.volume_trends import INODES, LOG, LOG_FILES, TEMPORARY, VOLUMES, WAL_SIZE
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.database_sizes import database_sizes
from collectors.log_files import log_files
from collectors.replication_slots import replication_slots
from collectors.slot_statistics import slot_statistics
from collectors.temp_files import TempFiles, temp_files
from collectors.user_tables import user_tables
from collectors.volumes import Volume, volumes
from collectors.wal_directory import WalDirectory, wal_directory
from monitor.sources.volume_reader import NOT_MOUNTED, measured
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, supplied, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.session_rows import AT, seen

GIB = 1024**3


def volume(free: float, size: float = 100, **more: Any) -> Volume:
    """GiB."""
    facts = {"inodes": 1000, "inodes_available": 900} | more
    return Volume("data, wal", "/data", round(size * GIB), round(free * GIB), **facts)


def trend(path: list[float], rate: Rate | None = None) -> Trend:
    """GiB a minute."""
    begin = AT - MINUTE * (len(path) - 1)
    points = tuple(Sample(begin + n * MINUTE, value * GIB) for n, value in enumerate(path))
    return Trend(begin, points[-1], points, rate)


def server(one: Volume, *answers: Any, **trends: Trend) -> Snapshot:
    views: Mapping[AnyHistory, Any] = {
        VOLUMES: {"data, wal": trends.get("whole", trend([0.0]))}
        | ({f"{INODES}data, wal": trends["inodes"]} if "inodes" in trends else {})
        | ({LOG: trends["log"]} if "log" in trends else {}),
        WAL_SIZE: {"": trends.get("wal", trend([1.0] * 30))},
        TEMPORARY: {"": trends.get("temporary", trend([0.0] * 30))},
        LOG_FILES: {"": trends["files"]} if "files" in trends else {},
        DATABASE_SIZES: {"shop": trends.get("shop", trend([9.0] * 30))},
    }
    names = [answer[0] for answer in answers]
    asked = wal_directory, temp_files, database_sizes, log_files
    empty = [(c, ()) for c in asked if c not in names]
    return seen((volumes, [one]), *answers, *empty).with_histories(views)


def judged(one: Volume, **trends: Trend) -> Verdict:
    return verdict_of(finding, server(one, **trends))


@pytest.mark.parametrize(
    ("one", "severity"),
    [
        (volume(11), None),
        (volume(9.9), Severity.warning),
        (volume(4.9), Severity.critical),
        (volume(900, 10_000), None),  # 91 %, and much is free
        (volume(49, 1_000), Severity.warning),  # 95 %, but not tonight
        (volume(50, inodes_available=99), Severity.warning),
        (volume(50, inodes_available=49), Severity.critical),
        (volume(50, inodes=0, inodes_available=0), None),  # made as needed
    ],
)
def test_levels(one: Volume, severity: Severity | None) -> None:
    """Of space and of inodes; a share alone is not enough."""
    assert judged(one).severity is severity


@pytest.mark.parametrize(
    ("first", "last", "severity"),
    [
        (50, 51, None),  # less than 2 % in an hour
        (50, 55, None),  # full in 9 hours
        (55, 70, Severity.warning),  # in 2 hours
        (28, 66, Severity.critical),  # in 54 minutes, and 60 % are used
        (8, 55, Severity.warning),  # in 57 minutes, but below 60 %
    ],
)
def test_the_climb_of_an_hour(first: float, last: float, severity: Severity | None) -> None:
    path = [first + (last - first) * n / 60 for n in range(61)]
    assert judged(volume(100 - last), whole=trend(path)).severity is severity


@pytest.mark.parametrize(
    ("used", "days", "severity"),
    [(70, 8, None), (70, 6.9, Severity.warning), (70, 0.9, "critical"), (50, 0.9, "warning")],
)
def test_the_pace_of_days(used: float, days: float, severity: Severity | None) -> None:
    pace = (100 - used) * GIB / (days * DAY)
    whole = trend([used], Rate(pace, pace, 2 * pace, 14 * DAY))
    assert judged(volume(100 - used), whole=whole).severity == severity


@pytest.mark.parametrize(
    ("path", "rate", "severity"),
    [
        ([700.0], None, None),
        ([690.0 + n / 6 for n in range(61)], None, None),  # less than 2 % in an hour
        ([550.0 + n * 2.5 for n in range(61)], None, Severity.warning),  # in two hours
        ([290.0 + n * 41 / 6 for n in range(61)], None, Severity.critical),  # in 44 minutes
        ([700.0], 8.0, None),
        ([700.0], 6.9, Severity.warning),
        ([700.0], 0.9, Severity.critical),
    ],
)
def test_inodes_that_run_out(
    path: list[float], rate: float | None, severity: Severity | None
) -> None:
    """By the hour and by days, while there is space enough."""
    pace = 300 / (rate * DAY) if rate else 0.0
    days = Rate(pace, pace, 2 * pace, 14 * DAY) if rate else None
    begin = AT - MINUTE * (len(path) - 1)
    points = tuple(Sample(begin + n * MINUTE, value) for n, value in enumerate(path))
    of_inodes = Trend(begin, points[-1], points, days)
    verdict = judged(volume(50, inodes_available=300), inodes=of_inodes)
    assert verdict.severity is severity
    for subject in verdict.subjects:
        assert "is 70 % full: 300 of 1,000 inodes are free; it is full in" in (
            subject.evidence.message
        )


def test_what_cannot_be_looked_at_is_said() -> None:
    """One volume; all of them where nothing is mounted, which is not configured, not broken."""
    gone = replace(volume(1), size_bytes=None, available_bytes=None, error="permission denied")
    assert judged(gone).state is State.unknown
    blind = replace(seen(), absent={volumes: NOT_MOUNTED})
    verdict = verdict_of(finding, blind)
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].setting == "data_directory"
    hangs = replace(seen(), absent={volumes: Absence("it hangs")})
    assert verdict_of(finding, hangs).state is State.unknown


def test_what_grows_is_named() -> None:
    """By what it has grown within the hour, not by its size."""
    rising = [float(n) / 10 for n in range(31)]
    files = (temp_files, [TempFiles("pg_default", 4711, 3, 2 * GIB)])
    archive = (wal_directory, [WalDirectory(200, 3 * GIB, 50)])
    one = volume(5)
    found = grower(server(one, files, temporary=trend(rising)), one)
    assert found is not None
    assert "most of pid 4711 (2 GiB)" in found.text
    found = grower(server(one, archive, wal=trend(rising)), one)
    assert found is not None
    assert "50 files wait for the archiver" in found.text
    for name in ("log", "files", "shop"):
        found = grower(server(one, **{name: trend(rising)}), one)
        assert found is not None
        assert name.replace("files", "log") in found.text
    listed = replace(one, log_bytes=5)  # then the mount shows the log, and the server is not asked
    assert grower(server(listed, files=trend(rising)), listed) is None
    assert grower(server(one), one) is None
    elsewhere = replace(one, places="tablespace 1")
    assert grower(server(elsewhere, wal=trend(rising)), elsewhere) is None


def test_missing_inodes_are_not_explained_by_bytes() -> None:
    """What has grown in bytes may be one file."""
    one = replace(volume(50, inodes_available=20), path="/the data")
    [subject] = judged(one, shop=trend([float(n) / 10 for n in range(31)])).subjects
    assert "20 of 1,000 inodes are free" in subject.evidence.message
    assert "Growing most" not in subject.evidence.message
    # pg_wal and tablespaces are links, which find follows only when it is told to.
    assert "-- find -H '/the data' -xdev -printf '%h\\n' |" in subject.evidence.cure[1]
    assert all(line.startswith("--") for line in subject.evidence.cure)


@pytest.mark.versions(14, 18)
async def test_a_slot_that_fills_the_volume_is_named(private_server: PrivateServers) -> None:
    """Its real files and file system; only the limit is low, and the clock ours."""
    server = private_server()
    recorder, low = Recorder(finding.history), Limits(used=0.0, spare_bytes=1 << 60)
    collectors = (wal_directory, temp_files, database_sizes, replication_slots)
    async with connected(server.dsn()) as admin, watching(dsn=server.dsn(user=MONITOR)) as session:

        async def evidence(minute: int) -> Evidence:
            await admin.execute("select pg_logical_emit_message(true, 'a', 'b')")
            await admin.execute("select pg_switch_wal()")
            at = AT + minute * 5 * MINUTE
            known = await look(session, *collectors, at=at, recorder=recorder)
            known = supplied(known, volumes, measured(server.data))
            [subject] = verdict_of(finding, known, limits=low).subjects
            return subject.evidence

        await admin.execute("select pg_create_physical_replication_slot('late', true)")
        for minute in range(4):
            found = await evidence(minute)
        assert found.facts["grower"] == "wal"
        assert "kept by the slot late (not in use)" in found.message
        assert found.subject.startswith("data, wal")
        assert found.facts["size_bytes"] == measured(server.data)[0].size_bytes


TABLE = 'create table public."Big" (id int, note text)'
SLOT = "select pg_create_logical_replication_slot('feed', 'test_decoding')"
WRITE = "insert into public.\"Big\" select i, repeat('x', 500) from generate_series(1, 2000) i"
DECODE = "select count(*) from pg_logical_slot_peek_changes('feed', null, null)"
SHOUT = "do $$begin raise log '%', repeat('x', 1000000); end$$"


@pytest.mark.versions(14, 18)
async def test_the_log_a_spill_and_a_table_are_named(private_server: PrivateServers) -> None:
    """Each by its own growth on a real server, as seen without a right to read the files."""
    server = private_server(
        wal_level="logical", logical_decoding_work_mem="64kB", logging_collector="on"
    )
    collectors = (database_sizes, user_tables, log_files, slot_statistics)
    low = Limits(used=0.0, spare_bytes=1 << 60)
    async with connected(server.dsn()) as admin, watching(dsn=server.dsn(user=MONITOR)) as session:
        await admin.execute(TABLE)
        await admin.execute(SLOT)

        async def grown(*statements: str, by: float = 0.0) -> str:
            """Return the message after looks between which the volume grew by these GiB."""
            recorder = Recorder(finding.history)
            for minute in range(4):
                async with connected(server.dsn()) as writer:  # its end reports what it did
                    for statement in statements:
                        await writer.execute(statement)
                at = AT + minute * 5 * MINUTE
                known = await look(session, *collectors, at=at, recorder=recorder)
                known = supplied(known, volumes, [volume(50 - by * minute)])
            [subject] = verdict_of(finding, known, limits=low).subjects
            return subject.evidence.message

        assert "Growing most: the server's log, by " in await grown(SHOUT)
        table = await grown(WRITE, 'analyze public."Big"')
        assert "Growing most: database postgres, by " in table
        assert 'in public."Big"' in table
        assert "Growing most: decoding for the slot feed" in await grown(DECODE, by=0.1)
        # What it wrote is gone again where the volume has not grown, or by other files.
        assert "decoding" not in await grown(DECODE)
