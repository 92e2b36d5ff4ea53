"""Findings about checkpoints, disks and durability, by rows made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.wal import (
    backend_fsync_writes,
    checkpoint_overdue,
    checkpoint_requested,
    checkpoint_sync_slow,
    checksum_failures,
    durability_off,
    io_latency_high,
    slru_thrash,
    wal_directory_size,
)
from alerts.snapshot import Snapshot
from collectors._base import Absence, AnyCollector
from collectors.archiver import archiver
from collectors.bgwriter import BackgroundWriter, bgwriter
from collectors.checkpointer import Checkpointer, checkpointer
from collectors.databases import Database, databases
from collectors.last_checkpoint import LastCheckpoint, last_checkpoint
from collectors.replication_slots import Slot, replication_slots
from collectors.settings import settings
from collectors.shared_objects import SharedObjects, shared_objects
from collectors.slru import Slru, slru
from collectors.stat_io import Io, stat_io
from collectors.stat_wal import Wal, stat_wal
from collectors.wal_directory import WalDirectory, wal_directory
from collectors.wal_position import wal_position
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.wal_rows import GiB, MiB, archived, at_lsn, given, rounds

SETTINGS = given(
    max_wal_size=float(GiB),
    checkpoint_completion_target=0.9,
    checkpoint_timeout=300.0,
    wal_keep_size=0.0,
    block_size=8192.0,
    track_io_timing=1.0,
    track_wal_io_timing=1.0,
)
HOUR = 3600.0


def severity(finding: AnyFinding, snapshot: Snapshot) -> Severity | None:
    return verdict_of(finding, snapshot).severity


def checkpoints(timed: int, requested: int, sync: float = 0.0) -> Checkpointer:
    row: Checkpointer = filled(
        Checkpointer,
        num_timed=timed,
        num_requested=requested,
        write_milliseconds=0.0,
        sync_milliseconds=sync * 1000,
    )
    return row


def an_hour(timed: int, requested: int, written: int, seconds: float = HOUR) -> Snapshot:
    finding = checkpoint_requested.finding
    wal = {"records": 0, "full_page_images": 0, "bytes": 0, "buffers_full": 0}
    more = {"records": 9, "full_page_images": 50_000, "bytes": written, "buffers_full": 3}
    return rounds(
        finding,
        (
            0,
            {
                settings: SETTINGS,
                checkpointer: [checkpoints(0, 0)],
                wal_position: [at_lsn(0)],
                stat_wal: [filled(Wal, **wal)],
            },
        ),
        (
            seconds,
            {
                checkpointer: [checkpoints(timed, requested)],
                wal_position: [at_lsn(written)],
                stat_wal: [filled(Wal, **more)],
            },
        ),
    )


@pytest.mark.parametrize(
    ("timed", "requested", "written", "state"),
    [
        (6, 6, 4 * GiB, State.ill),
        (7, 6, 4 * GiB, State.healthy),
        (0, 5, 4 * GiB, State.healthy),
        # By hand or for backups: the volume of WAL explains none of them, or only one.
        (2, 20, 100 * MiB, State.healthy),
        (2, 20, 600 * MiB, State.healthy),
        (12, 0, 40 * GiB, State.healthy),
    ],
)
def test_requested_by_size(timed: int, requested: int, written: int, state: State) -> None:
    snapshot = an_hour(timed, requested, written)
    assert verdict_of(checkpoint_requested.finding, snapshot).state is state


def test_requested_tells_how_much_is_needed() -> None:
    """The volume within checkpoint_timeout, with a margin; and what it costs."""
    [subject] = verdict_of(checkpoint_requested.finding, an_hour(0, 100, 60 * GiB)).subjects
    assert "100 of 100 checkpoints in 1 h" in subject.evidence.message
    assert subject.evidence.facts["wal_buffers_full"] == 3
    assert subject.evidence.facts["full_page_images_share"] == pytest.approx(0.00636, rel=0.01)
    assert any("max_wal_size = '12GB'" in line for line in subject.evidence.cure)


def test_part_of_an_hour_is_not_judged_well() -> None:
    assert (
        verdict_of(checkpoint_requested.finding, an_hour(0, 0, 0, seconds=600)).state
        is State.learning
    )


@pytest.mark.parametrize(
    ("age", "redo", "state"),
    [
        (899, GiB, State.healthy),
        (900, GiB, State.ill),
        (90_000, 63 * MiB, State.healthy),  # an idle server needs none
    ],
)
def test_overdue(age: float, redo: int, state: State) -> None:
    assert verdict_of(checkpoint_overdue.finding, checkpoint_of(age, redo, age)).state is state


@pytest.mark.parametrize(
    ("due", "state"),
    [(None, State.learning), (0.0, State.healthy), (899.0, State.healthy), (900.0, State.ill)],
)
def test_a_load_after_an_idle_night_is_not_overdue(due: float | None, state: State) -> None:
    """An idle server skips checkpoints, so the last one is old; it counts since when one is due."""
    snapshot = checkpoint_of(30_000.0, GiB, due)
    assert verdict_of(checkpoint_overdue.finding, snapshot).state is state


def checkpoint_of(age: float, redo: int, due: float | None) -> Snapshot:
    """The last checkpoint, and so much WAL since; None: since when was not seen."""
    row = LastCheckpoint(redo_lsn=5, current_lsn=5 + redo, begun=0.0, begun_seconds=age)
    told: dict[AnyCollector, Any] = {last_checkpoint: [row], settings: SETTINGS}
    idle = [] if due is None else [(-due - 1, {wal_position: [at_lsn(300)]})]
    written = (-(due or 0.0), {wal_position: [at_lsn(5 + redo)]})
    return rounds(checkpoint_overdue.finding, *idle, written, (0, told))


@pytest.mark.parametrize(
    ("count", "sync", "state"),
    [(12, 119, State.healthy), (12, 120, State.ill), (1, 90, State.healthy)],
)
def test_sync_by_its_mean(count: int, sync: float, state: State) -> None:
    snapshot = rounds(
        checkpoint_sync_slow.finding,
        (0, {checkpointer: [checkpoints(0, 0)]}),
        (HOUR, {checkpointer: [checkpoints(count, 0, sync)]}),
    )
    assert verdict_of(checkpoint_sync_slow.finding, snapshot).state is state


def io(kind: str, writes: int, context: str = "normal") -> Io:
    row: Io = filled(Io, backend_type=kind, object="relation", context=context, writes=writes)
    return row


def background(syncs: int, writes: int = 0, load: int = 0, version: int = 160000) -> Snapshot:
    before = filled(BackgroundWriter, buffers_backend_fsync=0, maxwritten_clean=0)
    after = filled(BackgroundWriter, buffers_backend_fsync=syncs, maxwritten_clean=4)
    finding = backend_fsync_writes.finding
    snapshot = rounds(
        finding,
        (0, {bgwriter: [before], stat_io: [io("client backend", 0), io("checkpointer", 0)]}),
        (
            HOUR,
            {
                bgwriter: [after],
                stat_io: [
                    io("client backend", writes),
                    io("client backend", load, "bulkwrite"),
                    io("checkpointer", 500_000),
                ],
            },
        ),
    )
    return replace(snapshot, node=replace(snapshot.node, version=version))


@pytest.mark.parametrize(
    ("snapshot", "found"),
    [
        (background(9), None),
        (background(10), Severity.warning),
        (background(4999, version=170000), None),
        (background(5000, version=170000), Severity.warning),
        (background(0, writes=499_000), None),
        (background(0, writes=501_000), Severity.info),
        (background(0, load=90_000_000), None),
    ],
)
def test_sessions_that_write_and_sync(snapshot: Snapshot, found: Severity | None) -> None:
    """Loads write their own pages on purpose."""
    assert severity(backend_fsync_writes.finding, snapshot) is found


@pytest.mark.parametrize(
    ("hit", "read", "state"),
    [
        (1_000_000, 60_000, State.ill),
        (1_000_000, 50_000, State.healthy),
        (0, 59_000, State.healthy),
    ],
)
def test_slru(hit: int, read: int, state: State) -> None:
    """At least a hundred reads a second, and five percent of the lookups."""
    finding = slru_thrash.finding
    snapshot = rounds(
        finding,
        (0, {slru: [filled(Slru, name="subtransaction", blks_hit=0, blks_read=0)]}),
        (600, {slru: [filled(Slru, name="subtransaction", blks_hit=hit, blks_read=read)]}),
    )
    verdict = verdict_of(finding, snapshot)
    assert verdict.state is state
    for subject in verdict.subjects:
        assert "subtransaction_buffers = '32MB'" in "".join(subject.evidence.cure)


def disks(read: tuple[int, float], sync: tuple[int, float], **timing: float) -> Snapshot:
    known = given(**{"track_io_timing": 1.0, "track_wal_io_timing": 1.0} | timing)
    before: dict[AnyCollector, Any] = {
        settings: known,
        databases: [filled(Database, datname="shop", blks_read=0, blk_read_milliseconds=0.0)],
        stat_wal: [filled(Wal, syncs=0, sync_seconds=0.0)],
    }
    after = {
        databases: [
            filled(
                Database, datname="shop", blks_read=read[0], blk_read_milliseconds=read[1] * 1000
            )
        ],
        stat_wal: [filled(Wal, syncs=sync[0], sync_seconds=sync[1])],
    }
    return rounds(io_latency_high.finding, (0, before), (600, after))


def test_slow_disks() -> None:
    """By the mean of many operations."""
    finding = io_latency_high.finding
    assert verdict_of(finding, disks((10_000, 199), (500, 24))).state is State.healthy
    assert verdict_of(finding, disks((9_000, 900), (400, 400))).state is State.healthy
    reads, syncs = sorted(
        verdict_of(finding, disks((10_000, 200), (500, 25))).subjects,
        key=lambda one: one.evidence.subject,
        reverse=True,
    )
    assert "Each of 10,000 page reads in 10 min took 20 ms" in reads.evidence.message
    assert "Each of 500 syncs of WAL in 10 min took 50 ms" in syncs.evidence.message


def test_no_times_are_not_zero() -> None:
    """It is not configured, and what is measured is judged all the same."""
    verdict = verdict_of(
        io_latency_high.finding, disks((10_000, 200), (500, 0), track_wal_io_timing=0.0)
    )
    assert [one.evidence.subject for one in verdict.subjects] == ["reads"]
    assert [one.setting for one in verdict.unjudged] == ["track_wal_io_timing"]


@pytest.mark.parametrize(
    ("failures", "age", "found"),
    [
        (0, 0.0, None),
        (1, 86399.0, Severity.critical),
        (1, 86400.0, Severity.warning),
        (1, 14 * 86400.0, None),
    ],
)
def test_checksums_by_age(failures: int, age: float, found: Severity | None) -> None:
    row = filled(
        Database, datname="shop", checksum_failures=failures, checksum_last_failure=AT - age
    )
    verdict = verdict_of(checksum_failures.finding, seen((databases, [row])))
    assert verdict.severity is found
    assert not any(line for one in verdict.subjects for line in one.evidence.cure if line[0] != "-")


def test_checksums_of_shared_catalogues() -> None:
    """They belong to no database; without an answer they are unknown, and not well."""
    row = filled(Database, datname="shop", checksum_failures=0)
    finding = checksum_failures.finding
    assert verdict_of(finding, seen((databases, [row]))).state is State.unknown
    for failures, state in ((0, State.healthy), (2, State.ill)):
        shared = SharedObjects(failures, AT - 60, None)
        verdict = verdict_of(finding, seen((databases, [row]), (shared_objects, [shared])))
        assert verdict.state is state
    [subject] = verdict.subjects
    assert (subject.evidence.subject, subject.evidence.database) == ("shared catalogues", None)
    assert "2 pages of shared catalogues had a wrong checksum" in subject.evidence.message


def test_without_checksums_nothing_is_known() -> None:
    verdict = verdict_of(checksum_failures.finding, seen((databases, [filled(Database)])))
    assert (verdict.state, verdict.unjudged[0].setting) == (State.unknown, "data_checksums")


def test_durability() -> None:
    """Each setting with what it risks; one that is hidden from our role is unknown."""
    rows = given(fsync="on", full_page_writes="off", synchronous_commit="off", wal_writer_delay=0.2)
    verdict = verdict_of(durability_off.finding, seen((settings, rows)))
    found = {one.evidence.subject: one.evidence for one in verdict.subjects}
    assert found["full_page_writes"].severity is Severity.warning
    assert "the commits of the last 600 ms" in found["synchronous_commit"].message
    hidden = given(fsync="on", full_page_writes="on")
    assert verdict_of(durability_off.finding, seen((settings, hidden))).state is State.unknown


def pg_wal(size: int, *slots: Slot, redo: int = 0, **more: float) -> Snapshot:
    known = given(max_wal_size=float(GiB), **{"wal_keep_size": 0.0} | more)
    end = 1000 * GiB
    return rounds(
        wal_directory_size.finding,
        (
            0,
            {
                settings: known,
                archiver: [archived(is_archiving=False)],
                replication_slots: slots,
                last_checkpoint: [LastCheckpoint(end - redo, end, 0.0, 0.0)],
                wal_position: [at_lsn(end)],
                wal_directory: [WalDirectory(9, size, 0)],
            },
        ),
    )


def keeps(size: int, **more: Any) -> Slot:
    end = 1000 * GiB
    row: Slot = filled(
        Slot, slot_name="dead", current_lsn=end, restart_lsn=end - size, temporary=False, **more
    )
    return row


def test_size_of_pg_wal_has_one_reason() -> None:
    """What keeps most; without any, it is left from a burst and nothing is wrong."""

    def reason(snapshot: Snapshot) -> object:
        verdict = verdict_of(wal_directory_size.finding, snapshot)
        return [one.evidence.facts["reason"] for one in verdict.subjects]

    assert reason(pg_wal(5 * GiB, keeps(4 * GiB))) == ["slot"]
    assert reason(pg_wal(5 * GiB, keeps(4 * GiB, wal_status="lost"))) == []
    assert reason(pg_wal(5 * GiB, keeps(2 * GiB), redo=4 * GiB)) == ["checkpoint"]
    assert reason(pg_wal(5 * GiB, wal_keep_size=5.0 * GiB)) == ["keep size"]
    assert reason(pg_wal(5 * GiB, keeps(GiB))) == []
    assert reason(pg_wal(2 * GiB - 1, keeps(4 * GiB))) == []
    blind = pg_wal(5 * GiB)
    without = {c: a for c, a in blind.answers.items() if c is not last_checkpoint}
    blind = replace(blind, answers=without, absent={last_checkpoint: Absence("refused")})
    assert verdict_of(wal_directory_size.finding, blind).state is State.unknown


@pytest.mark.parametrize(
    "finding",
    [checkpoint_overdue.finding, checkpoint_requested.finding, checkpoint_sync_slow.finding],
    ids=lambda finding: finding.name,
)
def test_aurora_has_no_checkpoints(finding: AnyFinding) -> None:
    """Its control file and counters say nothing; that is told in one line."""
    known = [*SETTINGS, *given(**{"rds.extensions": "aurora_stat_utils, postgis"})]
    row = LastCheckpoint(redo_lsn=5, current_lsn=GiB, begun=0.0, begun_seconds=90_000.0)
    told: dict[AnyCollector, Any] = {
        settings: known,
        last_checkpoint: [row],
        checkpointer: [checkpoints(0, 0)],
        wal_position: [at_lsn(0)],
    }
    verdict = verdict_of(finding, rounds(finding, (0, told)))
    assert (verdict.state, len(verdict.unjudged)) == (State.unknown, 1)


def test_aurora_writes_no_pages() -> None:
    """What protects pages says nothing there; what protects commits does."""
    off = given(fsync="off", full_page_writes="off", synchronous_commit="off")
    known = [*off, *given(**{"rds.extensions": "aurora_stat_utils, postgis"})]
    [subject] = verdict_of(durability_off.finding, seen((settings, known))).subjects
    assert subject.evidence.subject == "synchronous_commit"


@pytest.mark.parametrize("finding", [checkpoint_requested.finding, checkpoint_sync_slow.finding])
def test_a_minimum_of_nothing(finding: AnyFinding) -> None:
    """No checkpoint at all has no share and no mean."""
    snapshot = an_hour(0, 0, 0)
    assert (
        verdict_of(finding, snapshot, limits=replace(finding.limits, least=0)).state
        is State.healthy
    )


def test_a_minimum_of_no_writes() -> None:
    finding = backend_fsync_writes.finding
    told = {"buffers_backend_fsync": 0, "maxwritten_clean": 0}
    answers: dict[AnyCollector, Any] = {
        bgwriter: [filled(BackgroundWriter, **told)],
        stat_io: [io("client backend", 0)],
    }
    snapshot = rounds(finding, (0, answers), (HOUR, answers))
    assert verdict_of(finding, snapshot, limits=replace(finding.limits, least=0)).subjects == ()


@pytest.mark.parametrize(
    "module",
    [
        backend_fsync_writes,
        checkpoint_overdue,
        checkpoint_requested,
        checkpoint_sync_slow,
        checksum_failures,
        durability_off,
        io_latency_high,
        slru_thrash,
        wal_directory_size,
    ],
    ids=lambda module: module.finding.name,
)
def test_without_an_answer_it_is_unknown(module: Any) -> None:
    finding: AnyFinding = module.finding
    blind = replace(seen(), absent=dict.fromkeys(finding.reads, Absence("refused")))
    assert verdict_of(finding, blind).state is State.unknown
