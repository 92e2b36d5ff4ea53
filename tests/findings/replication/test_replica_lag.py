"""replica_lag by its states and numbers: facts in, verdict out."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.replication.replica_lag import Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.tracker import VerdictTracker
from collectors._base import Absence, Answer, AnyCollector, Role
from collectors.activity import Session, activity
from collectors.replication import Receiver, replication
from collectors.settings import Setting, settings
from collectors.wal_position import WalPosition, lag_seconds, wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver
from tests.fixtures.one_look import verdict_of

MiB = 1024**2
NOW = 1_800_000_000.0

PRIMARY = WalPosition(
    in_recovery=False,
    lsn=1000 * MiB,
    replay_lsn=None,
    timeline=1,
    receiving=False,
    replayed_xact_seconds=None,
)
STANDBY = WalPosition(
    in_recovery=True,
    lsn=1000 * MiB,
    replay_lsn=1000 * MiB,
    timeline=1,
    receiving=True,
    replayed_xact_seconds=4000.0,
)
LINK = WalReceiver(
    pid=4711,
    status="streaming",
    upstream_host="db1",
    upstream_port=5432,
    slot_name=None,
    application_name="walreceiver",
    receive_start_lsn=0,
    receive_start_tli=1,
    flushed_lsn=1000 * MiB,
    received_tli=1,
    latest_end_lsn=1000 * MiB,
    latest_end_time=NOW,
    last_msg_send_time=NOW,
    last_msg_receipt_time=NOW,
    silent_seconds=1.0,
    seen=NOW,
    pause_state="not paused",
    replay_lsn=1000 * MiB,
    up_seconds=90_000.0,
    apply_delay_seconds=0.0,
    timeout_seconds=60.0,
    has_upstream=True,
    has_archive=False,
)
CUT = replace(LINK, pid=None, status=None, seen=None, silent_seconds=None)
RECEIVER = Receiver(
    pid=99,
    usename="replicator",
    application_name="replica2",
    client_addr="10.0.0.2",
    slot_name=None,
    slot_type=None,
    backend_start_text="2026-11-22 08:00:00+00",
    state="streaming",
    sync_state="async",
    current_lsn=1000 * MiB,
    sent_lsn=1000 * MiB,
    write_lsn=1000 * MiB,
    flush_lsn=1000 * MiB,
    replay_lsn=1000 * MiB,
    write_lag_seconds=None,
    flush_lag_seconds=None,
    replay_lag_seconds=None,
    reply_time=None,
    silent_seconds=1.0,
)


class Server:
    """A server whose answers a test writes down, one instant after the other."""

    def __init__(self, name: str, role: Role) -> None:
        self.node = ServerIdentity(server=name, role=role, system_identifier="1", cluster="1")
        self.recorder = Recorder(finding.history, cluster="1", server=name)

    def saw(self, at: float, answers: dict[AnyCollector, list[Any]], *peers: Snapshot) -> Snapshot:
        answered = {c: Answer(rows, at) for c, rows in ({replication: []} | answers).items()}
        for collector, answer in answered.items():
            self.recorder.record(collector, answer)
        views = self.recorder.views(at)
        return Snapshot(self.node, at, answered, histories=views, peers=peers)


def primary_writing(seconds: int, step: int = MiB) -> Snapshot:
    """A watched primary that has written one step a second, up to now."""
    server = Server("db1", Role.primary)
    for ago in range(seconds, -1, -1):
        lsn = 1000 * MiB + (seconds - ago) * step
        snapshot = server.saw(NOW - ago, {wal_position: [replace(PRIMARY, lsn=lsn)]})
    return snapshot


def alone(here: WalPosition = STANDBY, link: WalReceiver = LINK, *peers: Snapshot) -> Snapshot:
    server = Server("db2", Role.standby)
    return server.saw(NOW, {wal_position: [here], wal_receiver: [link]}, *peers)


def test_a_standby_that_has_replayed_everything_is_healthy() -> None:
    """Nothing missing and a live link is the only way to be healthy."""
    assert verdict_of(finding, alone()).state is State.healthy


@pytest.mark.parametrize(
    ("seconds", "step", "severity"),
    [
        (29, MiB, None),
        (31, MiB, Severity.warning),
        (299, MiB, Severity.warning),
        (301, MiB, Severity.critical),
        (45, 1000, None),
        (61, 1000, Severity.warning),
    ],
)
def test_limits_of_time_and_bytes(seconds: int, step: int, severity: Severity | None) -> None:
    """30 s and 300 s count, unless it is the trickle of a nearly idle primary."""
    verdict = verdict_of(finding, alone(STANDBY, LINK, primary_writing(seconds + 1, step)))
    assert verdict.severity is severity


def test_the_time_is_that_of_the_first_change_not_replayed() -> None:
    """Replayed up to 40 s ago of a steady stream means 40 s, whatever clocks say."""
    here = replace(STANDBY, replay_lsn=1000 * MiB + 60 * MiB)
    [subject] = verdict_of(finding, alone(here, LINK, primary_writing(100))).subjects
    assert subject.evidence.value == 39
    assert subject.evidence.facts["behind_bytes"] == 40 * MiB
    assert subject.evidence.facts["certainty"] == "exactly"


def test_a_dead_link_is_unknown_at_once_and_critical_after_a_minute() -> None:
    """All that was received is replayed, and still this is never healthy."""
    server = Server("db2", Role.standby)
    server.saw(NOW - 59, {wal_position: [STANDBY], wal_receiver: [LINK]})
    cut = replace(STANDBY, receiving=False)
    early = server.saw(NOW, {wal_position: [cut], wal_receiver: [CUT]})
    assert verdict_of(finding, early).state is State.unknown
    late = server.saw(NOW + 2, {wal_position: [cut], wal_receiver: [CUT]})
    verdict = verdict_of(finding, late)
    assert verdict.severity is Severity.critical
    assert verdict.subjects[0].evidence.subject == "db2"
    assert verdict.subjects[0].evidence.value == 61


def test_a_link_that_was_dead_before_we_came_is_critical() -> None:
    """No memory of a receiver and a server up for a day: nobody restarts for so long."""
    verdict = verdict_of(finding, alone(replace(STANDBY, receiving=False), CUT))
    assert verdict.severity is Severity.critical
    assert "since pgvigil started to watch it" in verdict.reason


def test_a_standby_that_just_started_gets_time_to_connect() -> None:
    """A server up for ten seconds has not been cut off for a minute."""
    just_up = replace(CUT, up_seconds=10.0)
    verdict = verdict_of(finding, alone(replace(STANDBY, receiving=False), just_up))
    assert verdict.state is State.unknown


def test_a_silent_link_is_dead_by_the_time_out_of_the_server() -> None:
    """Upstream says something every half time-out; past the whole of it, it is gone."""
    assert (
        verdict_of(finding, alone(link=replace(LINK, silent_seconds=40.0))).state is State.healthy
    )
    verdict = verdict_of(finding, alone(link=replace(LINK, silent_seconds=75.0)))
    assert verdict.severity is Severity.critical


def test_paused_replay_is_information_and_can_be_resumed() -> None:
    """Somebody wanted it: worth knowing, no page."""
    here, link = replace(STANDBY, replay_lsn=900 * MiB), replace(LINK, pause_state="paused")
    verdict = verdict_of(finding, alone(here, link, primary_writing(400)))
    assert verdict.severity is Severity.info
    cure = verdict.subjects[0].evidence.cure
    assert all(line.startswith("-- ") for line in cure), "pasting it may lose a dropped table"
    assert cure[-1].endswith(": SELECT pg_catalog.pg_wal_replay_resume();")


def test_replay_that_stopped_at_its_target_is_not_resumed() -> None:
    """That would end the recovery."""
    here, link = replace(STANDBY, replay_lsn=900 * MiB), replace(LINK, pause_state="paused")
    target = Setting("recovery_target_time", "2026-11-01", None, "string", "file", False, "")
    answers: dict[AnyCollector, list[Any]] = {
        wal_position: [here],
        wal_receiver: [link],
        settings: [target],
    }
    [subject] = verdict_of(finding, Server("db2", Role.standby).saw(NOW, answers)).subjects
    assert not any("resume()" in line for line in subject.evidence.cure)
    assert "target (recovery_target_time)" in "\n".join(subject.evidence.cure)


def test_a_wanted_delay_is_subtracted() -> None:
    """A standby that replays ten minutes late on purpose is not ill at nine."""
    link = replace(LINK, apply_delay_seconds=600.0)
    assert verdict_of(finding, alone(STANDBY, link, primary_writing(541))).state is State.healthy
    [subject] = verdict_of(finding, alone(STANDBY, link, primary_writing(681))).subjects
    assert subject.evidence.value == 80


def test_fed_from_an_archive_on_purpose_is_no_dead_link() -> None:
    """Without primary_conninfo nobody waits for a receiver; the watched primary has the numbers."""
    archive = replace(CUT, has_upstream=False, has_archive=True)
    here = replace(STANDBY, receiving=False, timeline=None)
    assert verdict_of(finding, alone(here, archive)).state is State.unknown
    assert verdict_of(finding, alone(here, archive, primary_writing(10))).state is State.healthy


def test_without_a_watched_primary_its_last_word_counts() -> None:
    """What upstream announced and replay has not done is at least as old as we know of it."""
    server = Server("db2", Role.standby)
    for ago in range(100, -1, -1):
        here = replace(STANDBY, lsn=(1000 + 100 - ago) * MiB)
        snapshot = server.saw(NOW - ago, {wal_position: [here], wal_receiver: [LINK]})
    [subject] = verdict_of(finding, snapshot).subjects
    assert subject.evidence.value == 99
    assert subject.evidence.facts["against"] == "the last message of upstream"


def test_one_look_takes_the_age_of_the_last_transaction_replayed() -> None:
    """A first look has no trail; while WAL is missing, the server's own age is the best guess."""
    here = replace(STANDBY, replay_lsn=900 * MiB, replayed_xact_seconds=120.0)
    [subject] = verdict_of(finding, alone(here)).subjects
    assert subject.evidence.value == 120
    assert subject.evidence.message.startswith("db2 is about 2 min")


def test_no_trail_and_no_age_is_learning() -> None:
    """Bytes are missing, since when nobody knows: not healthy, not yet ill."""
    here = replace(STANDBY, replay_lsn=900 * MiB, replayed_xact_seconds=None)
    assert verdict_of(finding, alone(here)).state is State.learning


def test_another_timeline_is_unknown() -> None:
    """Positions of two timelines can't be compared."""
    verdict = verdict_of(finding, alone(replace(STANDBY, timeline=2), LINK, primary_writing(5)))
    assert verdict.state is State.unknown
    assert "timeline" in verdict.reason


def test_a_conflict_names_the_query_and_stops_that_one_only() -> None:
    """Replay waits for a query: the cure cancels it, guarded by its identity."""
    startup = session(pid=5, backend_type="startup", wait_event="RecoveryConflictSnapshot")
    query = session(pid=77, state="active", xmin_age=900, xact_seconds=400.0)
    other = session(pid=78, state="active", xmin_age=3, xact_seconds=1.0)
    server = Server("db2", Role.standby)
    snapshot = server.saw(
        NOW,
        {wal_position: [STANDBY], wal_receiver: [LINK], activity: [startup, other, query]},
        primary_writing(100),
    )
    evidence = verdict_of(finding, snapshot).subjects[0].evidence
    assert evidence.facts["state"] == "conflict"
    assert [line for line in evidence.cure if not line.startswith("--")] == [
        "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity"
        " WHERE pid OPERATOR(pg_catalog.=) 77 AND backend_start OPERATOR(pg_catalog.=) 'b'"
        " AND xact_start OPERATOR(pg_catalog.=) 'x';"
    ]


def test_a_standby_that_nobody_watches_is_judged_on_its_primary() -> None:
    """The primary knows how far it is; its own trail knows since when."""
    server = Server("db1", Role.primary)
    stuck = replace(RECEIVER, replay_lsn=1000 * MiB)
    for ago in range(50, -1, -1):
        lsn = (1000 + 50 - ago) * MiB
        receiver = replace(stuck, current_lsn=lsn)
        position = replace(PRIMARY, lsn=lsn)
        snapshot = server.saw(NOW - ago, {wal_position: [position], replication: [receiver]})
    [subject] = verdict_of(finding, snapshot).subjects
    assert (subject.evidence.subject, subject.evidence.value) == ("replica2", 49)


def test_a_watched_standby_speaks_for_itself() -> None:
    """One subject, one voice: the primary is silent about a standby that is watched too."""
    receiver = replace(RECEIVER, replay_lsn=0, replay_lag_seconds=900.0)
    peer = alone(link=replace(LINK, application_name="replica2"))
    server = Server("db1", Role.primary)
    answers: dict[AnyCollector, list[Any]] = {
        wal_position: [PRIMARY],
        replication: [receiver],
    }
    assert verdict_of(finding, server.saw(NOW, answers, peer)).state is State.healthy
    assert verdict_of(finding, server.saw(NOW, answers)).severity is Severity.info
    behind = replace(receiver, write_lsn=0, flush_lsn=0)
    answers |= {replication: [behind]}
    assert verdict_of(finding, server.saw(NOW, answers)).severity is Severity.critical


@pytest.mark.parametrize(
    ("silent", "timeout", "lag"),
    [(None, 60.0, 0.0), (44, 60.0, 0.0), (46, 60.0, None), (61, 0.0, None), (59, 0.0, 0.0)],
)
def test_lag_of_a_hung_link_is_unknown(
    silent: float | None, timeout: float, lag: float | None
) -> None:
    """That all received WAL is replayed says nothing once nothing is received."""
    here = replace(STANDBY, silent_seconds=silent, timeout_seconds=timeout)
    assert lag_seconds(here) == lag


def test_an_archive_of_wal_is_no_standby() -> None:
    """It replays nothing, and nobody misses it here."""
    archive = replace(RECEIVER, application_name="pg_receivewal", replay_lsn=None, write_lsn=0)
    server = Server("db1", Role.primary)
    for at in (-4000, -400, -61):
        found = server.saw(NOW + at, {wal_position: [PRIMARY], replication: [archive]})
        assert verdict_of(finding, found).state is State.healthy
    assert verdict_of(finding, server.saw(NOW, {wal_position: [PRIMARY]})).state is State.healthy


def test_backups_are_not_replicas() -> None:
    """pg_basebackup streams for a while and goes; that is its job."""
    backup = replace(RECEIVER, application_name="pg_basebackup", replay_lsn=None, write_lsn=0)
    server = Server("db1", Role.primary)
    snapshot = server.saw(NOW, {wal_position: [PRIMARY], replication: [backup]})
    assert verdict_of(finding, snapshot).state is State.healthy


def test_a_replica_that_vanished_is_missed_for_a_week() -> None:
    """It received for an hour and does so no more; a visitor of seconds is not missed."""
    server = Server("db1", Role.primary)
    visitor = replace(RECEIVER, application_name="visitor")
    for at, receivers in ((-4000, [RECEIVER]), (-400, [RECEIVER, visitor]), (-61, [RECEIVER])):
        server.saw(NOW + at, {wal_position: [PRIMARY], replication: receivers})
    verdict = verdict_of(finding, server.saw(NOW, {wal_position: [PRIMARY]}))
    assert [(s.evidence.subject, s.evidence.severity) for s in verdict.subjects] == [
        ("replica2", Severity.warning)
    ]
    later = server.saw(NOW + 8 * 86400, {wal_position: [PRIMARY]})
    assert verdict_of(finding, later).state is State.healthy


def test_without_the_grant_it_is_unknown_and_says_which() -> None:
    """Never healthy because it may not look."""
    grant = "GRANT pg_monitor TO m;"
    blind = Snapshot(
        ServerIdentity("db1", Role.primary),
        NOW,
        {wal_position: Answer([PRIMARY], NOW)},
        {replication: Absence("lacks pg_read_all_stats", grant)},
    )
    verdict = verdict_of(finding, blind)
    assert (verdict.state, verdict.unjudged[0].grant) == (State.unknown, grant)


def test_it_must_hold_for_three_polls() -> None:
    """One look at a moment's burst is no illness."""
    server, tracker = Server("db2", Role.standby), VerdictTracker()
    states = []
    for second in range(4):
        here = replace(STANDBY, replay_lsn=0, replayed_xact_seconds=100.0 + second)
        answers: dict[AnyCollector, list[Any]] = {wal_position: [here], wal_receiver: [LINK]}
        states.append(verdict_of(finding, server.saw(NOW + second, answers), tracker).state)
    assert states == [*[State.learning] * 3, State.ill]


def test_a_dead_link_is_not_healthy_for_a_moment() -> None:
    """Not before the minute is over, and not while the illness must hold."""
    server, tracker, states = Server("db2", Role.standby), VerdictTracker(), []
    server.saw(NOW, {wal_position: [STANDBY], wal_receiver: [LINK]})
    cut = replace(STANDBY, receiving=False)
    for second in range(1, 70):
        snapshot = server.saw(NOW + second, {wal_position: [cut], wal_receiver: [CUT]})
        states.append(verdict_of(finding, snapshot, tracker).state)
    assert states == [State.unknown] * 62 + [State.ill] * 7


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        (PRIMARY, 0.0),
        (STANDBY, 0.0),
        (replace(STANDBY, replay_lsn=0), 4000.0),
        (replace(STANDBY, receiving=False), None),
        (replace(STANDBY, replay_lsn=None), None),
        (replace(STANDBY, replay_lsn=0, replayed_xact_seconds=None), None),
    ],
)
def test_the_metric_is_never_0_for_unknown(row: WalPosition, seconds: float | None) -> None:
    """pg_replication_lag_seconds is absent where nobody knows, and where the link is dead."""
    assert lag_seconds(row) == seconds


def test_relaxed_limits_are_lower() -> None:
    """What is ill must get clearly better to be well."""
    assert Limits().relax().behind < Limits().behind


def session(**given: Any) -> Session:
    nothing = dict.fromkeys(Session.__slots__)
    names = {"backend_start_text": "b", "xact_start_text": "x", "backend_type": "client backend"}
    facts = {"has_xid": False, "is_self": False, **names, **given}
    return Session(**{**nothing, **facts})
