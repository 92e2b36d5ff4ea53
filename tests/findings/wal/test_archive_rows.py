"""Findings about archiving, by rows made by hand: limits, not quite ill, unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.wal import archive_failing, archive_stalled, archive_stub
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from alerts.wal.archive_command import keeps_nothing
from alerts.wal.segments import end_of
from collectors._base import Absence, AnyCollector, Role
from collectors.archiver import Archiver, archiver
from collectors.settings import settings
from collectors.volumes import Volume, volumes
from collectors.wal_directory import WalDirectory, wal_directory
from collectors.wal_position import wal_position
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.wal_rows import GiB, MiB, archived, at_lsn, given, rounds

SEGMENT = 16 * MiB
ARCHIVED = 11 * SEGMENT
"""Where the last archived file of `archived` ends."""
NEVER: dict[str, Any] = {
    "archived_count": 0,
    "last_archived_wal": None,
    "last_archived_time": None,
    "archived_seconds": None,
}
FAILED: dict[str, Any] = {
    "failed_count": 9,
    "last_failed_wal": "00000001000000000000000B",
    "last_failed_time": AT - 5,
    "failed_seconds": 5.0,
}


def judged(finding: AnyFinding, row: Archiver, end: int = ARCHIVED, **more: Any) -> Verdict:
    answers: dict[AnyCollector, Any] = {
        settings: given(archive_command="cp %p /archive/%f", wal_segment_size=float(SEGMENT)),
        archiver: [row],
        wal_position: [at_lsn(end)],
        **more.get("answers", {}),
    }
    return verdict_of(finding, rounds(finding, (0, answers)))


def test_a_file_says_where_it_ends() -> None:
    """Whatever the size of segments is; a partial file is of its segment, a label of none."""
    assert end_of("00000001000000000000000A", SEGMENT) == 11 * SEGMENT
    assert end_of("000000030000000200000003", GiB) == 2 * 4 * GiB + 4 * GiB
    assert end_of("00000001000000000000000A.partial", SEGMENT) == 11 * SEGMENT
    assert end_of("00000001000000000000000A.00000028.backup", SEGMENT) is None
    assert end_of("00000002.history", SEGMENT) is None


@pytest.mark.parametrize(
    ("row", "end", "severity"),
    [
        (archived(), ARCHIVED, None),
        (archived(**FAILED), ARCHIVED + SEGMENT, Severity.warning),
        (archived(**FAILED), ARCHIVED + 16 * GiB, Severity.critical),
        (archived(**NEVER | FAILED), ARCHIVED, Severity.warning),
        (archived(**NEVER | FAILED | {"failed_count": 369}), ARCHIVED, Severity.critical),
        # A retry that was needed once, and has succeeded since.
        (archived(**FAILED | {"last_failed_time": AT - 20}), ARCHIVED, None),
        (archived(**FAILED, is_archiving=False), ARCHIVED, None),
        # A failure of before the server was started.
        (archived(**FAILED, started=AT), ARCHIVED, None),
    ],
)
def test_failing_is_newer_than_the_last_success(
    row: Archiver, end: int, severity: Severity | None
) -> None:
    assert judged(archive_failing.finding, row, end).severity is severity


@pytest.mark.parametrize("finding", [archive_failing.finding, archive_stalled.finding])
@pytest.mark.parametrize(
    ("free", "severity"), [(GiB, Severity.critical), (2048 * GiB, Severity.warning)]
)
def test_a_disk_that_is_seen_decides(finding: AnyFinding, free: int, severity: Severity) -> None:
    """What is free there and how long it lasts, in place of what is kept."""
    row = archived(**FAILED) if finding is archive_failing.finding else archived()
    told: dict[AnyCollector, Any] = {
        archiver: [row],
        volumes: [Volume("wal", "/pg_wal", 99 * GiB, free, 0, 0)],
        wal_position: [at_lsn(ARCHIVED)],
    }
    snapshot = rounds(
        finding,
        (0, told),
        (1, {wal_position: [at_lsn(ARCHIVED + SEGMENT + 1)]}),
        (1000, {wal_position: [at_lsn(ARCHIVED + 20 * GiB)]}),
    )
    [subject] = verdict_of(finding, snapshot).subjects
    assert subject.evidence.severity is severity
    assert "Its disk has" in subject.evidence.message


def test_one_failed_attempt_must_hold() -> None:
    """The next attempt is a second later; what it repairs alerts nobody."""
    finding, book = archive_failing.finding, VerdictTracker()
    snapshot = rounds(finding, (0, {archiver: [archived(**FAILED)]}))
    assert verdict_of(finding, snapshot, book).state is State.learning
    later = rounds(finding, (121, {archiver: [archived(**FAILED)]}))
    assert verdict_of(finding, later, book).state is State.ill


def test_what_it_keeps_and_how_fast_is_told() -> None:
    """Files, bytes and age of the oldest, and the growth with the time over which it was seen."""
    finding = archive_failing.finding
    row = archived(**FAILED)
    snapshot = rounds(
        finding,
        (0, {archiver: [row], wal_position: [at_lsn(ARCHIVED)]}),
        (60, {wal_position: [at_lsn(ARCHIVED + SEGMENT + 1)]}),
        (600, {wal_position: [at_lsn(ARCHIVED + 10 * SEGMENT)]}),
    )
    [subject] = verdict_of(finding, snapshot).subjects
    message = subject.evidence.message
    assert "10 files (160 MiB) wait, the oldest for 9 min." in message
    assert "16 MiB a minute over the last 10 min" in message
    assert subject.evidence.facts["waited_seconds"] == 540


@pytest.mark.parametrize(
    ("waited", "files", "severity"),
    [
        (599, 1, None),
        (600, 1, Severity.warning),
        (3600, 1, Severity.critical),
        (600, 1024, Severity.critical),
        (9000, 0, None),
    ],
)
def test_stalled_by_the_oldest_file(waited: float, files: int, severity: Severity | None) -> None:
    """The age of the first file that waits, as the archiver's own files tell it."""
    row = archived(archived_seconds=10_000.0)
    listing = WalDirectory(segments=9, size_bytes=9, ready=3, ready_seconds=waited)
    verdict = judged(
        archive_stalled.finding,
        row,
        ARCHIVED + files * SEGMENT + 5,
        answers={wal_directory: [listing]},
    )
    assert verdict.severity is severity


def test_a_listing_from_before_the_last_success_is_no_evidence() -> None:
    """The oldest file of five minutes ago is archived by now; a steady archiver is healthy."""
    listing = WalDirectory(segments=9, size_bytes=9, ready=1, ready_seconds=7000.0)
    finding = archive_stalled.finding
    answers: dict[AnyCollector, Any] = {archiver: [archived()], wal_directory: [listing]}
    snapshot = rounds(
        finding,
        (0, answers | {wal_position: [at_lsn(ARCHIVED)]}),
        (5, {wal_position: [at_lsn(ARCHIVED + SEGMENT + 1)]}),
        (9, {wal_position: [at_lsn(ARCHIVED + SEGMENT + 2)]}),
    )
    assert verdict_of(finding, snapshot).state is State.healthy


LABEL: dict[str, Any] = {
    "last_archived_wal": "00000001000000000000000A.00000028.backup",
    "last_archived_time": AT - 7000,
    "archived_seconds": 7000.0,
}
"""A backup began in that segment, and ended twenty segments later."""


@pytest.mark.parametrize(
    ("ready", "listed", "state"),
    [
        ((0, None), 6990, State.healthy),
        ((2, 6980.0), 6990, State.ill),
        ((2, 400.0), 6990, State.healthy),
        ((1, 9000.0), -1000, State.unknown),
        (None, 0, State.unknown),
    ],
)
def test_the_label_of_a_backup_says_nothing_of_the_queue(
    ready: tuple[int, float | None] | None, listed: int, state: State
) -> None:
    """It is named after the segment in which the backup began; a listing since then decides."""
    finding = archive_stalled.finding
    answers: dict[AnyCollector, Any] = {archiver: [archived(**LABEL)]}
    steps = [(-9000.0, ARCHIVED), (-8999.0, ARCHIVED + 2 * SEGMENT), (0.0, ARCHIVED + 20 * SEGMENT)]
    looks: list[tuple[float, dict[AnyCollector, Any]]] = [
        (at, answers | {wal_position: [at_lsn(end)]}) for at, end in steps
    ]
    if ready is not None:
        found = WalDirectory(segments=9, size_bytes=9, ready=ready[0], ready_seconds=ready[1])
        looks.append((listed - 7000.0, {wal_directory: [found]}))
    snapshot = rounds(finding, *sorted(looks, key=lambda one: one[0]))
    assert verdict_of(finding, snapshot).state is state


def test_the_file_that_fails_is_the_first_that_waits() -> None:
    """Also after the label of a backup: how much is kept is known without a listing."""
    failed = LABEL | FAILED | {"last_failed_wal": "00000001000000000000001E"}
    verdict = judged(archive_failing.finding, archived(**failed), 30 * SEGMENT + 16 * GiB)
    [subject] = verdict.subjects
    assert subject.evidence.severity is Severity.critical
    assert subject.evidence.facts["waiting_files"] == 1024


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, State.unknown), (599, State.unknown), (600, State.ill)]
)
def test_a_queue_from_before_the_first_look_is_not_well(seconds: int, state: State) -> None:
    """An archiver that is at work, but too slow: its first file waits since then at least."""
    finding = archive_stalled.finding
    answers: dict[AnyCollector, Any] = {archiver: [archived()]}
    far = ARCHIVED + 1000 * SEGMENT
    snapshot = rounds(
        finding,
        (0, answers | {wal_position: [at_lsn(far)]}),
        (seconds, answers | {wal_position: [at_lsn(far)]}),
    )
    assert verdict_of(finding, snapshot).state is state


@pytest.mark.parametrize(
    ("is_archiving", "states"),
    [
        (False, [State.not_applicable] * 3),
        (True, [State.ill, State.healthy, State.healthy]),
    ],
)
def test_a_standby_that_does_not_archive_knows_nothing_of_it(
    is_archiving: bool, states: list[State]
) -> None:
    """What fails there is its primary's, unless archive_mode is always."""
    answers: dict[AnyCollector, Any] = {
        settings: given(archive_command="cp %p /archive/%f", wal_segment_size=float(SEGMENT)),
        archiver: [archived(**FAILED, is_archiving=is_archiving)],
        wal_position: [at_lsn(ARCHIVED, in_recovery=True)],
    }
    findings = (archive_failing.finding, archive_stalled.finding, archive_stub.finding)
    told = [verdict_of(f, rounds(f, (0, answers), role=Role.standby)).state for f in findings]
    assert told == states


def test_an_empty_command_is_named() -> None:
    """PostgreSQL counts no failure then, and keeps everything."""
    listing = WalDirectory(segments=9, size_bytes=9, ready=40, ready_seconds=90_000.0)
    answers = {wal_directory: [listing], settings: given(archive_command="")}
    verdict = judged(archive_stalled.finding, archived(**NEVER), answers=answers)
    [subject] = verdict.subjects
    assert "archive_command is empty" in subject.evidence.message
    assert "40 files (640 MiB) wait, the oldest for 1 day 1 h" in subject.evidence.message


@pytest.mark.parametrize("finding", [archive_failing.finding, archive_stalled.finding])
def test_a_provider_archives_by_itself(finding: AnyFinding) -> None:
    """Unknown, with one line."""
    answers = {settings: given(**{"rds.extensions": "x", "archive_command": "/etc/rds/x %p"})}
    verdict = judged(finding, archived(**FAILED), answers=answers)
    assert verdict.state is State.unknown
    assert [one.reason.split()[:2] for one in verdict.unjudged] == [["Amazon", "RDS"]]


@pytest.mark.parametrize("finding", [archive_failing.finding, archive_stalled.finding])
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    blind = replace(seen(), absent={archiver: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.parametrize(
    ("command", "keeps"),
    [
        ("/bin/true", False),
        ("true %p", False),
        (":", False),
        ("exit 0", False),
        ("cd .", False),
        ("echo %p", False),
        ("test ! -f /archive/%f", False),
        ("cp %p /dev/null", False),
        ("cat %p > /dev/null", False),
        ("/opt/keep.sh", False),
        ("", True),  # archiving is put off, and everything is kept
        ("cp %p /archive/%f", True),
        ("test ! -f /archive/%f && cp %p /archive/%f", True),
        ("pgbackrest --stanza=main archive-push %p", True),
        ('envdir /run/etc/wal-e.d/env wal-g wal-push "%p"', True),
        ("cp pg_wal/%f /archive/", True),
        ("truenas-push %p", True),
        ("barman-wal-archive backup main %p 2>/dev/null", True),
    ],
)
def test_commands_that_keep_nothing(command: str, keeps: bool) -> None:
    assert keeps_nothing(command) is not keeps
    answers = {settings: given(archive_command=command)}
    verdict = judged(archive_stub.finding, archived(), answers=answers)
    assert verdict.state is (State.healthy if keeps else State.ill)


def test_a_command_that_fails_is_no_stub() -> None:
    """Its files are kept; archive_failing tells it."""
    answers = {settings: given(archive_command="false")}
    assert not judged(archive_stub.finding, archived(**FAILED), answers=answers).subjects


def test_a_command_may_have_a_secret_in_it() -> None:
    """Only the program's name is told."""
    answers = {settings: given(archive_command="TOKEN=s3cret /opt/keep.sh --key=s3cret")}
    [subject] = judged(archive_stub.finding, archived(), answers=answers).subjects
    assert "s3cret" not in repr(subject.evidence)
