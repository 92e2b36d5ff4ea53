"""Findings about replication slots, by rows made by hand: limits, not quite ill, unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.replication import (
    slot_inactive,
    slot_lost,
    slot_not_failover_ready,
    slot_unbounded,
    slot_wal_retained,
    walsender_capacity,
)
from alerts.findings.wal import archive_failing, wal_directory_size
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer, AnyAnswer, AnyCollector, Role
from collectors.archiver import archiver
from collectors.last_checkpoint import LastCheckpoint, last_checkpoint
from collectors.replication import Receiver, replication
from collectors.replication_slots import Slot, replication_slots
from collectors.settings import Setting, settings
from collectors.volumes import Volume, volumes
from collectors.wal_directory import WalDirectory, wal_directory
from collectors.wal_position import wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.wal_rows import GiB, MiB, Round, archived, at_lsn, given, rounds

END = 1000 * GiB
SETTINGS = given(max_wal_size=float(GiB), wal_keep_size=0.0, max_slot_wal_keep_size=-1.0)
ALL = (
    slot_inactive.finding,
    slot_lost.finding,
    slot_not_failover_ready.finding,
    slot_unbounded.finding,
    slot_wal_retained.finding,
    walsender_capacity.finding,
)


def slot(name: str = "dead", retained: int = GiB, **more: Any) -> Slot:
    facts: dict[str, Any] = {
        "slot_type": "physical",
        "temporary": False,
        "active": False,
        "wal_status": "extended",
        "inactive_seconds": 3600.0,
        "in_recovery": False,
    }
    row: Slot = filled(
        Slot,
        slot_name=name,
        current_lsn=END,
        restart_lsn=END - retained,
        **facts | more,
    )
    return row


LOGICAL: dict[str, Any] = {"slot_type": "logical", "plugin": "pgoutput", "datname": "shop"}


def of(finding: AnyFinding, *slots: Slot, known: list[Setting] = SETTINGS) -> Snapshot:
    return rounds(finding, (0, {settings: known, replication_slots: slots, replication: []}))


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (slot(inactive_seconds=1799.0), State.healthy),
        (slot(inactive_seconds=1800.0), State.ill),
        (slot(active=True, inactive_seconds=None), State.healthy),
        (slot(temporary=True), State.healthy),
        (slot(synced=True), State.healthy),
        (slot(in_recovery=True), State.healthy),  # Patroni keeps them for a failover
        (slot(wal_status="lost"), State.healthy),  # slot_lost tells it
        (replace(slot(), restart_lsn=None), State.healthy),  # never used, keeps nothing
    ],
)
def test_inactive(row: Slot, state: State) -> None:
    assert verdict_of(slot_inactive.finding, of(slot_inactive.finding, row)).state is state


def test_before_17_the_time_is_our_own() -> None:
    """It counts from when it was seen in use, or watched at all; until then it is learning."""
    finding = slot_inactive.finding
    old: dict[str, Any] = {"inactive_seconds": None}
    first = rounds(finding, (0, {replication_slots: [slot(**old)]}))
    assert verdict_of(finding, first).state is State.learning
    later = rounds(
        finding,
        (0, {replication_slots: [slot(**old)]}),
        (900, {replication_slots: [slot(active=True, **old)]}),
        (1000, {replication_slots: [slot(**old)]}),
        (2799, {replication_slots: [slot(**old)]}),
    )
    assert verdict_of(finding, later).state is State.learning
    long = rounds(
        finding,
        (0, {replication_slots: [slot(**old)]}),
        (1800, {replication_slots: [slot(**old)]}),
    )
    [subject] = verdict_of(finding, long).subjects
    assert "no consumer for at least 30 min; it keeps 1 GiB" in subject.evidence.message


@pytest.mark.parametrize(
    ("column", "kind"), [("confirmed_flush_lsn", LOGICAL), ("restart_lsn", {})]
)
def test_a_consumer_that_reads_at_intervals_is_one(column: str, kind: dict[str, Any]) -> None:
    """It is there for a moment, so that it is never seen in use."""
    finding = slot_inactive.finding
    told = [
        (at, {replication_slots: [_moved(column, END - GiB + at, kind)]})
        for at in range(0, 5000, 600)
    ]
    assert verdict_of(finding, rounds(finding, *told)).state is State.learning


def _moved(column: str, lsn: int, kind: dict[str, Any]) -> Slot:
    moved: Any = {column: lsn}
    return replace(slot(inactive_seconds=None, **kind), **moved)


def texts(finding: AnyFinding, snapshot: Snapshot) -> str:
    return "\n".join(s for v in verdict_of(finding, snapshot).subjects for s in v.evidence.cure)


def test_a_drop_is_only_a_comment_that_says_what_it_costs() -> None:
    """First comes how to start the consumer; a node's own slot is not dropped at all."""
    finding = slot_inactive.finding
    of_stranger = texts(finding, of(finding, slot()))
    assert all(line.startswith("--") for line in of_stranger.splitlines())
    assert of_stranger.index("start the consumer") < of_stranger.index("pg_drop_replication_slot")
    assert "pg_basebackup" in of_stranger
    assert "is the same loss" in of_stranger
    of_subscriber = texts(finding, of(finding, slot("Sub", **LOGICAL)))
    assert 'ALTER SUBSCRIPTION "Sub" ENABLE;' in of_subscriber
    assert "must copy all its tables again" in of_subscriber
    patroni = [
        filled(Setting, name=name, setting="1", source="command line", vartype="integer")
        for name in (
            "cluster_name",
            "max_connections",
            "max_locks_per_transaction",
            "max_prepared_transactions",
            "max_worker_processes",
            "track_commit_timestamp",
            "wal_level",
        )
    ]
    assert "pg_drop" not in texts(finding, of(finding, slot("node2"), known=patroni))
    link = filled(WalReceiver, slot_name="dead")
    peer = Snapshot(ServerIdentity("db2", Role.standby), AT, {wal_receiver: Answer((link,), AT)})
    of_member = texts(finding, replace(of(finding, slot()), peers=(peer,)))
    assert "pg_drop" not in of_member
    assert "belongs to db2" in of_member


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        # Without a limit: beyond what pg_wal is meant for.
        (slot(retained=GiB - 1), None),
        (slot(retained=GiB), Severity.warning),
        (slot(retained=64 * GiB), Severity.critical),
        (slot(retained=2 * GiB, temporary=True), None),
        # With a limit of 10 GiB: by its share.
        (slot(retained=4 * GiB, safe_wal_bytes=6 * GiB), None),
        (slot(retained=5 * GiB, safe_wal_bytes=5 * GiB), Severity.warning),
        (slot(retained=8 * GiB, safe_wal_bytes=2 * GiB), Severity.critical),
        (slot(retained=4 * GiB, safe_wal_bytes=-1, wal_status="unreserved"), Severity.critical),
        (slot(retained=9 * GiB, wal_status="lost"), None),
    ],
)
def test_retained(row: Slot, severity: Severity | None) -> None:
    finding = slot_wal_retained.finding
    assert verdict_of(finding, of(finding, row)).severity is severity


def test_what_pg_wal_is_meant_for_counts() -> None:
    """A slot within max_wal_size costs nothing more."""
    finding, large = slot_wal_retained.finding, given(max_wal_size=100.0 * GiB)
    assert not verdict_of(finding, of(finding, slot(retained=60 * GiB), known=large)).subjects


def test_the_runway_is_told_with_its_speed() -> None:
    """At the mean speed of the last hour, as such; below an hour it is critical."""
    finding = slot_wal_retained.finding
    row = slot(retained=6 * GiB, safe_wal_bytes=4 * GiB)
    told = rounds(
        finding,
        (0, {settings: SETTINGS, wal_position: [at_lsn(END - GiB)]}),
        (600, {wal_position: [at_lsn(END)], replication_slots: [row]}),
    )
    [subject] = verdict_of(finding, told).subjects
    assert subject.evidence.severity is Severity.critical
    assert "60 % of max_slot_wal_keep_size; after another 4 GiB, in about 40 min" in (
        subject.evidence.message
    )
    assert "102.4 MiB a minute over the last 10 min" in subject.evidence.message


@pytest.mark.parametrize(
    ("grown", "severity"), [(0, Severity.warning), (GiB, Severity.warning), (5 * GiB, "critical")]
)
def test_a_consumer_at_work_is_judged_by_what_its_slot_gains(grown: int, severity: str) -> None:
    """5 GiB are written in an hour; what the consumer has taken of it fills nothing."""
    finding = slot_wal_retained.finding
    answers: list[Round] = [(0, {settings: SETTINGS})]
    for minute in range(65):
        retained = round(6 * GiB - grown * (64 - minute) / 60)
        row = slot(retained=retained, safe_wal_bytes=10 * GiB - retained, active=True)
        written = at_lsn(END - round(5 * GiB * (64 - minute) / 60))
        answers.append((60 * minute, {replication_slots: [row], wal_position: [written]}))
    assert verdict_of(finding, rounds(finding, *answers)).severity == severity


@pytest.mark.parametrize(
    ("free", "severity"),
    [(GiB, Severity.critical), (60 * GiB, Severity.warning)],
)
def test_a_disk_that_is_seen_decides(free: int, severity: Severity) -> None:
    """Where a mount of it is seen, what is free there and how long it lasts replaces the bytes."""
    finding = slot_wal_retained.finding
    disk = Volume("data, wal", "/pg", 90 * GiB, free, 0, 0)
    told = rounds(
        finding,
        (0, {settings: SETTINGS, volumes: [disk], wal_position: [at_lsn(END - GiB)]}),
        (600, {wal_position: [at_lsn(END)], replication_slots: [slot(retained=2 * GiB)]}),
    )
    [subject] = verdict_of(finding, told).subjects
    assert subject.evidence.severity is severity
    assert subject.evidence.facts["disk_free_bytes"] == free
    if free == GiB:
        assert "Its disk has 1 GiB free, which lasts about 10 min." in subject.evidence.message


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        (slot(), None),
        (slot(wal_status="lost"), Severity.warning),
        (slot(**LOGICAL, wal_status="lost"), Severity.critical),
        (slot(**LOGICAL, conflicting=True), Severity.critical),
        (slot(**LOGICAL, invalidation_reason="idle_timeout"), Severity.warning),
        (slot(**LOGICAL, invalidation_reason="wal_removed", synced=True), None),
    ],
)
def test_lost(row: Slot, severity: Severity | None) -> None:
    assert verdict_of(slot_lost.finding, of(slot_lost.finding, row)).severity is severity


def test_unbounded_needs_slots() -> None:
    finding = slot_unbounded.finding
    assert verdict_of(finding, of(finding)).state is State.healthy
    assert verdict_of(finding, of(finding, slot(temporary=True))).state is State.healthy
    assert verdict_of(finding, of(finding, slot())).state is State.ill
    limited = given(max_slot_wal_keep_size=float(GiB))
    assert verdict_of(finding, of(finding, slot(), known=limited)).state is State.healthy


STANDBY = filled(Receiver, slot_type="physical", replay_lsn=5)


def pair(row: Slot, *copies: Slot, receivers: tuple[Receiver, ...] = (STANDBY,)) -> Snapshot:
    answers: dict[AnyCollector, AnyAnswer] = {
        replication_slots: Answer(copies, AT),
        settings: Answer((), AT),
    }
    peer = Snapshot(ServerIdentity("db2", Role.standby), AT, answers)
    here = seen((replication_slots, [row]), (replication, receivers), (settings, SETTINGS))
    return replace(here, peers=(peer,))


def test_failover_readiness_of_logical_slots() -> None:
    """Marked, and copied by each watched standby; without a standby there is no failover."""
    finding = slot_not_failover_ready.finding
    marked = slot("cdc", **LOGICAL, failover=True)

    def state(snapshot: Snapshot) -> State:
        return verdict_of(finding, snapshot).state

    assert state(pair(slot("cdc", **LOGICAL, failover=False))) is State.ill
    assert state(pair(slot("cdc", **LOGICAL, failover=False), receivers=())) is State.healthy
    assert state(pair(marked)) is State.ill
    assert state(pair(marked, slot("cdc", synced=True, temporary=True))) is State.ill
    assert state(pair(marked, slot("cdc", synced=True))) is State.healthy
    assert state(pair(slot())) is State.healthy
    copying = slot("pg_16394_sync_16385_7577000000000000001", **LOGICAL, failover=False)
    assert state(pair(copying)) is State.healthy
    unwatched = verdict_of(finding, replace(pair(marked), peers=()))
    assert (unwatched.state, unwatched.is_unconfigured) == (State.unknown, True)
    old = pair(slot("cdc", **LOGICAL, failover=False))
    assert state(replace(old, node=replace(old.node, version=160000))) is State.healthy


@pytest.mark.parametrize("role", [Role.standby, None])
def test_a_standby_without_an_answer_is_not_unconfigured(role: Role | None) -> None:
    """It is down or just started; what another one tells does not speak for it."""
    finding = slot_not_failover_ready.finding
    marked, copy = slot("cdc", **LOGICAL, failover=True), slot("cdc", synced=True)
    silent = Snapshot(ServerIdentity("db3", role), AT)

    def beside(*peers: Snapshot) -> Verdict:
        return verdict_of(finding, replace(pair(marked), peers=peers))

    [ready] = pair(marked, copy).peers
    [lacking] = pair(marked).peers
    for verdict in (beside(silent), beside(ready, silent)):
        assert (verdict.state, verdict.is_unconfigured) == (State.unknown, False)
        [one] = verdict.unjudged
        assert (one.subject, one.reason) == ("cdc", "db3 does not answer")
    assert beside(lacking, silent).state is State.ill
    assert beside(replace(silent, node=ServerIdentity("db0", Role.primary))).is_unconfigured


@pytest.mark.parametrize(
    ("senders", "slots", "found"),
    [
        (9, 9, []),
        (10, 9, ["max_wal_senders"]),
        (0, 10, ["max_replication_slots"]),
        (10, 10, ["max_wal_senders", "max_replication_slots"]),
    ],
)
def test_capacity(senders: int, slots: int, found: list[str]) -> None:
    snapshot = seen(
        (replication, [filled(Receiver)] * senders),
        (replication_slots, [slot(str(n)) for n in range(slots)]),
        (settings, given(max_wal_senders=10.0, max_replication_slots=10.0)),
    )
    verdict = verdict_of(walsender_capacity.finding, snapshot)
    assert [one.evidence.subject for one in verdict.subjects] == found


@pytest.mark.parametrize("finding", ALL, ids=lambda finding: finding.name)
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    blind = replace(seen(), absent=dict.fromkeys(finding.reads, Absence("refused")))
    assert verdict_of(finding, blind).state is State.unknown


def test_the_night_on_which_nothing_was_wrong() -> None:
    """369 failures with nothing archived and two dead slots of 2.5 GB: each is told at once."""
    failing = archived(
        archived_count=0,
        last_archived_wal=None,
        last_archived_time=None,
        archived_seconds=None,
        failed_count=369,
        last_failed_wal="00000001000000F900000063",
        last_failed_time=AT - 20,
        failed_seconds=20.0,
    )
    kept = 2560 * MiB
    told: dict[AnyCollector, Any] = {
        settings: SETTINGS,
        archiver: [failing],
        replication_slots: [slot("old_standby", kept), slot("cdc", kept, **LOGICAL)],
        wal_directory: [WalDirectory(165, 2640 * MiB, 160, 80_000.0)],
        last_checkpoint: [LastCheckpoint(END - 9 * MiB, END, AT - 200, 200.0)],
        wal_position: [at_lsn(END)],
    }
    found = {
        (finding.name, one.evidence.subject, one.evidence.severity.value)
        for finding in (
            archive_failing.finding,
            slot_inactive.finding,
            slot_wal_retained.finding,
            wal_directory_size.finding,
        )
        for one in verdict_of(finding, rounds(finding, (0, told))).subjects
    }
    assert found == {
        ("archive_failing", "archiver", "critical"),
        ("slot_inactive", "old_standby", "warning"),
        ("slot_inactive", "cdc", "warning"),
        ("slot_wal_retained", "old_standby", "warning"),
        ("slot_wal_retained", "cdc", "warning"),
        ("wal_directory_size", "pg_wal", "warning"),
    }
