"""Findings about backups, by reports made by hand: age, failures, proof, and what is unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.backup import backup_failing, backup_stale, backup_unproved
from alerts.history.recorder import Recorder
from alerts.replication.timeline import TIMELINE
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.units import moment_text
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer, AnyCollector, Role
from collectors.archiver import archiver
from collectors.backup_reports import Backup, BackupFolder, BackupReport, backup_reports
from collectors.progress_basebackup import BaseBackup, progress_basebackup
from collectors.replication import Receiver, replication
from collectors.settings import settings
from collectors.wal_position import wal_position
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.replication_rows import PRIMARY, MiB
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.wal_rows import archived, given

HOUR, DAY = 3600.0, 86400.0
ALL = (backup_stale.finding, backup_failing.finding, backup_unproved.finding)


def backup(hours: float | None, failed: bool = False, of: str | None = "7001") -> Backup:
    finished = None if hours is None else AT - hours * HOUR
    return Backup("F1", "full", finished, failed, of)


def report(*backups: Backup, age: float = 60.0, **more: Any) -> BackupReport:
    facts: dict[str, Any] = {"tool": "pgbackrest", "name": "main", "written": AT - age}
    return BackupReport(**facts | more, backups=backups)


def scene(*reports: BackupReport, tested: float | None = AT - DAY, **more: Any) -> Snapshot:
    answers: dict[AnyCollector, Any] = {
        archiver: [archived(last_archived_time=AT - 120)],
        backup_reports: [BackupFolder("/reports", reports, tested)],
        settings: given(archive_mode="on"),
        **more.get("answers", {}),
    }
    return seen(*answers.items())


def judged(finding: AnyFinding, *reports: BackupReport, **more: Any) -> Verdict:
    return verdict_of(finding, scene(*reports, **more))


@pytest.mark.parametrize(
    ("backups", "severity"),
    [
        ([backup(25.9)], None),
        ([backup(26)], Severity.warning),
        ([backup(72)], Severity.critical),
        ([backup(100), backup(1)], None),
        ([backup(100), backup(1, failed=True)], Severity.critical),
        ([backup(None)], Severity.critical),
        ([backup(1, of="7999")], Severity.critical),  # another cluster's
        ([backup(1, of=None)], None),
        ([], Severity.critical),
    ],
)
def test_the_newest_good_one_counts(backups: list[Backup], severity: Severity | None) -> None:
    assert judged(backup_stale.finding, report(*backups)).severity is severity


def test_one_of_several_tools_is_enough() -> None:
    """The newest of all reports counts."""
    verdict = judged(backup_stale.finding, report(backup(99)), report(backup(1), tool="wal-g"))
    assert verdict.state is State.healthy


def test_up_to_when_a_restore_could_reach_is_told() -> None:
    """The last archived file, if there is an archive."""
    running = BaseBackup(7, "pg_basebackup", None, "streaming database files", None, 1024, 1, 0)
    snapshot = scene(report(backup(30)), answers={progress_basebackup: [running]})
    [subject] = verdict_of(backup_stale.finding, snapshot).subjects
    assert subject.evidence.facts["restorable_until"] == AT - 120
    assert "One runs now (streaming database files, 1 KiB sent)." in subject.evidence.message


@pytest.mark.parametrize("finding", ALL[:2], ids=lambda finding: finding.name)
@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (report(backup(1), age=7 * HOUR), "the job that writes it has stopped"),
        (report(backup(99), age=7 * HOUR), "the job that writes it has stopped"),
        (
            report(problem="it is a link", is_readable=False),
            "the report of pgbackrest can't be used: it is a link",
        ),
    ],
)
def test_what_can_not_be_trusted_is_unknown(
    finding: AnyFinding, told: BackupReport, reason: str
) -> None:
    """Neither well nor ill."""
    verdict = judged(finding, told)
    assert verdict.state is State.unknown
    [one] = verdict.unjudged
    assert reason in one.reason


@pytest.mark.parametrize("finding", ALL, ids=lambda finding: finding.name)
def test_without_a_folder_it_is_not_configured(finding: AnyFinding) -> None:
    """Once, and apart from what is broken."""
    missing = Absence("no folder is configured", setting="backup_reports")
    snapshot = scene()
    answers = {c: a for c, a in snapshot.answers.items() if c is not backup_reports}
    blind = replace(snapshot, answers=answers, absent={backup_reports: missing})
    verdict = verdict_of(finding, blind)
    assert (verdict.state, verdict.is_unconfigured) == (State.unknown, True)
    assert len(verdict.unjudged) == 1
    empty = verdict_of(finding, scene())
    assert "/reports has no report" in empty.unjudged[0].reason


@pytest.mark.parametrize(
    ("told", "ill"),
    [
        (report(backup(9), backup(1)), False),
        (report(backup(9), backup(1, failed=True)), True),
        (report(backup(9, failed=True), backup(1)), False),
        (report(backup(9), problem="missing stanza data"), True),
        (report(problem="no valid backups"), False),  # told by backup_stale
    ],
)
def test_the_last_one_failed(told: BackupReport, ill: bool) -> None:
    assert bool(judged(backup_failing.finding, told).subjects) is ill


@pytest.mark.parametrize(
    ("tested", "ill"), [(None, True), (AT - 30 * DAY, True), (AT - 29 * DAY, False)]
)
def test_a_restore_was_tested(tested: float | None, ill: bool) -> None:
    verdict = judged(backup_unproved.finding, report(backup(1)), tested=tested)
    assert [one.evidence.subject for one in verdict.subjects] == ["restore test"] * ill


def test_without_an_archive() -> None:
    """Neither an archiver nor a program that stores WAL; a provider has its own."""
    finding, off = backup_unproved.finding, {archiver: [archived(is_archiving=False)]}
    storing = filled(Receiver, state="streaming", application_name="pg_receivewal")
    standby = filled(Receiver, state="streaming", replay_lsn=7)
    subjects = [
        [one.evidence.subject for one in judged(finding, report(backup(1)), answers=more).subjects]
        for more in (
            off,
            off | {replication: [standby]},
            off | {replication: [storing]},
            off | {settings: given(**{"rds.extensions": "x"})},
        )
    ]
    assert subjects == [["archive"], ["archive"], [], []]


def in_role(role: Role, name: str, *reports: BackupReport, **more: Any) -> Snapshot:
    """A server of the cluster; without reports, no folder of them is configured."""
    snapshot = replace(scene(*reports, **more), node=ServerIdentity(name, role, 180000, "7001"))
    if reports:
        return snapshot
    answers = {c: a for c, a in snapshot.answers.items() if c is not backup_reports}
    return replace(snapshot, answers=answers, absent={backup_reports: NOT_CONFIGURED})


NOT_CONFIGURED = Absence("no folder is configured", setting="backup_reports")
OLD, OLD_END = report(backup(30)), AT - 30 * HOUR
UNKNOWN, ILL, ELSEWHERE = State.unknown, State.ill, State.not_applicable


@pytest.mark.parametrize(
    ("primary", "standby", "states"),
    [
        ((), None, (UNKNOWN, None)),
        (None, (), (None, UNKNOWN)),
        (None, (OLD,), (None, ILL)),
        ((OLD,), (), (ILL, ELSEWHERE)),
        ((), (OLD,), (ELSEWHERE, ILL)),
        ((OLD,), (OLD,), (ILL, ELSEWHERE)),
        ((), (), (UNKNOWN, ELSEWHERE)),
    ],
)
def test_one_server_judges_the_backups_of_its_cluster(
    primary: tuple[BackupReport, ...] | None,
    standby: tuple[BackupReport, ...] | None,
    states: tuple[State | None, State | None],
) -> None:
    """Whether its primary, a standby or both are watched, and wherever the reports are."""
    idle = {archiver: [archived(is_archiving=False)]}
    above = None if primary is None else in_role(Role.primary, "db1", *primary)
    below = None if standby is None else in_role(Role.standby, "db2", *standby, answers=idle)
    pairs = ((above, below), (below, above))
    watched = [one and replace(one, peers=(other,) if other else ()) for one, other in pairs]
    for finding in ALL[:2]:
        told = tuple(one and verdict_of(finding, one).state for one in watched)
        is_stale = finding is backup_stale.finding
        assert told == tuple(State.healthy if s is ILL and not is_stale else s for s in states)


def test_a_standby_does_not_know_its_primarys_archive() -> None:
    """Neither how far a restore reaches, nor that there is no archive."""
    idle = {archiver: [archived(is_archiving=False)]}
    alone = in_role(Role.standby, "db2", OLD, tested=None, answers=idle)
    [subject] = verdict_of(backup_stale.finding, alone).subjects
    assert subject.evidence.facts["restorable_until"] is None
    verdict = verdict_of(backup_unproved.finding, alone)
    assert [one.evidence.subject for one in verdict.subjects] == ["restore test"]
    assert [one.setting for one in verdict.unjudged] == ["servers"]
    beside = replace(alone, peers=(in_role(Role.primary, "db1"),))
    [subject] = verdict_of(backup_stale.finding, beside).subjects
    assert subject.evidence.facts["restorable_until"] == AT - 120
    assert not verdict_of(backup_unproved.finding, beside).unjudged


def test_without_an_answer_of_the_archiver_the_reach_is_not_known() -> None:
    """An archive may reach further than the end of the backup."""
    for answers, until in (({}, AT - 120), ({archiver: [archived(is_archiving=False)]}, OLD_END)):
        snapshot = in_role(Role.primary, "db1", OLD, answers=answers)
        [subject] = verdict_of(backup_stale.finding, snapshot).subjects
        assert subject.evidence.facts["restorable_until"] == until
        assert "A restore could reach" in subject.evidence.message
        silent = {c: a for c, a in snapshot.answers.items() if c is not archiver}
        [subject] = verdict_of(backup_stale.finding, replace(snapshot, answers=silent)).subjects
        assert subject.evidence.facts["restorable_until"] is None
        assert "A restore could reach" not in subject.evidence.message


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (report(backup(1), age=-HOUR), "was written 1 h in the future"),
        (report(backup(99), backup(-1)), "has a backup that ends in the future"),
    ],
)
def test_a_time_in_the_future_is_no_proof(told: BackupReport, reason: str) -> None:
    """A clock is wrong, and the next months would all be fine."""
    for finding in ALL[:2]:
        verdict = judged(finding, told)
        assert verdict.state is State.unknown
        assert reason in verdict.unjudged[0].reason
    tested = judged(backup_unproved.finding, report(backup(1)), tested=AT + DAY)
    assert tested.state is State.unknown
    assert "restore test is 1 d" in tested.unjudged[0].reason
    assert judged(backup_stale.finding, report(backup(1), age=-60.0)).state is State.healthy


def test_two_stanzas_of_which_one_is_ours() -> None:
    """The other cluster's fresh backup hides nothing, and its trouble is not ours."""
    ours, other = report(backup(30)), report(backup(1, of="7999"), name="other")
    failed = report(backup(1, failed=True, of="7999"), name="other", problem="checksums")
    assert judged(backup_stale.finding, ours, other).severity is Severity.warning
    assert judged(backup_failing.finding, report(backup(1)), failed).state is State.healthy


def test_barman_does_not_tell_whose_backups_they_are() -> None:
    """Of several servers in one report, the one that is called like ours counts."""
    old = report(backup(30, of=None), tool="barman", name="shop")
    new = report(backup(1, of=None), tool="barman", name="crm")
    assert judged(backup_stale.finding, old).state is State.ill
    verdict = judged(backup_stale.finding, old, new)
    assert verdict.state is State.unknown
    assert "it lists several servers" in verdict.unjudged[0].reason
    named = replace(scene(old, new), node=ServerIdentity("shop", Role.primary, 180000, "7001"))
    [subject] = verdict_of(backup_stale.finding, named).subjects
    assert "barman shop" in subject.evidence.message
    [command] = [line for line in subject.evidence.cure if "list-backups" in line]
    assert command.endswith("barman --format json list-backups shop")


def test_barmans_list_may_have_the_name_of_the_primary() -> None:
    """Where only a standby has the report, it is one cluster all the same."""
    old = report(backup(30, of=None), tool="barman", name="db1")
    new = report(backup(1, of=None), tool="barman", name="crm")
    standby = in_role(Role.standby, "db2", old, new)
    assert verdict_of(backup_stale.finding, standby).state is State.unknown
    beside = replace(standby, peers=(in_role(Role.primary, "db1"),))
    [subject] = verdict_of(backup_stale.finding, beside).subjects
    assert "barman db1" in subject.evidence.message


def test_stanzas_that_do_not_tell_their_cluster() -> None:
    """They are pgBackRest's, and its own words say what to do."""
    verdict = judged(backup_stale.finding, report(backup(30, of=None)), report(name="crm"))
    [one] = verdict.unjudged
    assert "the report of pgbackrest can't be used: it lists several stanzas" in one.reason
    assert "--stanza=NAME" in one.reason


ARCHIVE = filled(
    Receiver,
    state="streaming",
    application_name="barman_receive_wal",
    slot_name="barman",
    slot_type="physical",
    flush_lsn=1000 * MiB,
)
IDLE = {archiver: [archived(is_archiving=False)], settings: given(archive_mode="off")}
BY_ITSELF = f"A restore could reach {moment_text(OLD_END)}, the end of the newest good backup"


def storing(*rows: Receiver, ago: int = 300, watched: int = 600) -> Snapshot:
    """A primary without an archive, that wrote its last WAL some seconds ago."""
    server = Recorder((TIMELINE,), server="db1")
    for at in (AT - watched, AT - ago):
        here = replace(PRIMARY, lsn=(1000 if at < AT - ago else 1040) * MiB)
        server.record(wal_position, Answer([here], at))
    snapshot = in_role(Role.primary, "db1", OLD, answers=IDLE | {replication: list(rows)})
    return replace(snapshot, histories=server.views(AT))


@pytest.mark.parametrize(
    ("traits", "told"),
    [
        ({}, f"barman_receive_wal stores by its slot barman up to {moment_text(AT - 300)}"),
        ({"flush_lsn": 1040 * MiB}, f"by its slot barman up to {moment_text(AT)}"),
        ({"flush_lsn": 900 * MiB}, "by its slot barman, if"),  # before it was watched
        ({"flush_lsn": None, "slot_name": None}, "stores without a slot, if it has all WAL"),
    ],
)
def test_wal_that_a_program_stores_is_told_and_proves_nothing(
    traits: dict[str, Any], told: str
) -> None:
    """A restore reaches the end of the backup, and further if that program has everything."""
    [subject] = verdict_of(backup_stale.finding, storing(replace(ARCHIVE, **traits))).subjects
    assert subject.evidence.facts["restorable_until"] == OLD_END
    assert f"{BY_ITSELF}; and further with the WAL that" in subject.evidence.message
    assert told in subject.evidence.message
    assert not verdict_of(backup_unproved.finding, storing(replace(ARCHIVE, **traits))).subjects


@pytest.mark.parametrize(
    "traits",
    [
        {"application_name": "pg_basebackup"},
        {"slot_name": "pg_basebackup_4711"},
        {"slot_type": "logical"},
        {"replay_lsn": 7},
    ],
)
def test_what_receives_wal_for_another_end_stores_none(traits: dict[str, Any]) -> None:
    """A base backup takes the WAL of its own time; a subscriber and a standby keep none."""
    snapshot = storing(replace(ARCHIVE, **traits))
    [subject] = verdict_of(backup_stale.finding, snapshot).subjects
    assert f"{BY_ITSELF}." in subject.evidence.message
    assert subject.evidence.facts["stored_until"] is None
    told = verdict_of(backup_unproved.finding, snapshot).subjects
    assert [one.evidence.subject for one in told] == ["archive"]
