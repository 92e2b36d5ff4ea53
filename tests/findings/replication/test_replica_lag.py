"""replica_lag by its states and numbers: facts in, verdict out."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.replication.replica_lag import Limits, finding
from alerts.history.memory import Memory, Namespace
from alerts.history.unchanged import UnchangedFor
from alerts.replication.delay import DELAYS
from alerts.replication.evidence import receiver_behind
from alerts.replication.lag import Certainty, Lag
from alerts.replication.link import is_heard
from alerts.replication.measure import lag_of
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.tracker import VerdictTracker
from collectors._base import Absence, Answer, AnyCollector, Role
from collectors.activity import Session, activity
from collectors.replication import replication
from collectors.settings import Setting, settings
from collectors.wal_position import WalPosition, wal_position
from collectors.wal_receiver import wal_receiver
from tests.fixtures.one_look import verdict_of
from tests.fixtures.replication_rows import (
    CUT,
    LINK,
    NOW,
    PRIMARY,
    RECEIVER,
    STANDBY,
    MiB,
    Server,
    alone,
    primary_writing,
)


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


def since(octets: int, transactions: int) -> Snapshot:
    """A primary that wrote so much 400 s ago, and nothing since; and was watched before, or not."""
    server = Server("db1", Role.primary)
    for ago, lsn, xid in ((402, 0, 9), (401, 0, 9), (400, octets, 9 + transactions)):
        row = replace(PRIMARY, lsn=1000 * MiB + lsn, next_xid=xid)
        server.saw(NOW - ago, {wal_position: [row]})
    return server.saw(NOW, {wal_position: [row]})


@pytest.mark.parametrize(
    ("octets", "transactions", "state", "seconds"),
    [
        (1023, 0, State.healthy, 0.0),
        (1024, 0, State.ill, 400.0),  # much for one that does nothing
        (40, 1, State.ill, 400.0),
    ],
)
def test_what_an_idle_server_writes_by_itself_is_no_lag(
    octets: int, transactions: int, state: State, seconds: float
) -> None:
    """However old; but one commit is, however small. The metric and the verdict agree."""
    snapshot = alone(STANDBY, LINK, since(octets, transactions))
    assert verdict_of(finding, snapshot).state is state
    assert measured(snapshot) == seconds


def test_the_first_transaction_counts_not_what_came_before() -> None:
    """The bytes of an idle primary are older than the transaction that is missing too."""
    server = Server("db1", Role.primary)
    for ago, octets, xid in ((402, 0, 9), (400, 200, 9), (7, 300, 10), (0, 300, 10)):
        row = replace(PRIMARY, lsn=1000 * MiB + octets, next_xid=xid)
        primary = server.saw(NOW - ago, {wal_position: [row]})
    assert measured(alone(STANDBY, LINK, primary)) == 7.0


def test_a_few_bytes_from_before_are_of_unknown_age() -> None:
    """Whether they hold a transaction is not known, whatever the last replayed one says."""
    primary = Server("db1", Role.primary)
    row = replace(PRIMARY, lsn=1000 * MiB + 200, next_xid=9)
    snapshot = alone(STANDBY, LINK, primary.saw(NOW, {wal_position: [row]}))
    assert measured(snapshot) is None
    assert verdict_of(finding, snapshot).state is State.learning


@pytest.mark.parametrize(("paused", "lag"), [("not paused", 9.0), ("paused", None)])
def test_what_a_paused_standby_lacks_may_be_no_transaction(paused: str, lag: float | None) -> None:
    """Known only by the primary; one that is not paused stops at transactions alone."""
    server = Server("db2", Role.standby)
    for ago, octets in ((10, 0), (9, 200), (0, 200)):
        here = replace(STANDBY, lsn=1000 * MiB + octets)
        link = replace(LINK, pause_state=paused)
        snapshot = server.saw(NOW - ago, {wal_position: [here], wal_receiver: [link]})
    assert measured(snapshot) == lag


def test_the_time_is_that_of_the_first_change_not_replayed() -> None:
    """Replayed up to 40 s ago of a steady stream means 40 s, whatever clocks say."""
    here = replace(STANDBY, replay_lsn=1000 * MiB + 60 * MiB)
    [subject] = verdict_of(finding, alone(here, LINK, primary_writing(100))).subjects
    assert subject.evidence.value == 39
    assert subject.evidence.facts["behind_bytes"] == 40 * MiB
    assert subject.evidence.facts["certainty"] == "exactly"


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
    ("silent", "timeout", "heard"),
    [
        (None, 60.0, True),
        (32, 60.0, True),
        (34, 60.0, False),
        (64, 0.0, False),
        (59, 0.0, True),
    ],
)
def test_a_silent_link_is_heard_until_a_message_is_overdue(
    silent: float | None, timeout: float, heard: bool
) -> None:
    """The receiver asks for one after half of its time-out."""
    found = lag_of(alone(replace(STANDBY, silent_seconds=silent, timeout_seconds=timeout)))
    assert found
    assert found.heard is heard


@pytest.mark.parametrize(("silent", "lag"), [(2.0, 0.0), (2.1, None)])
def test_lag_behind_a_silent_link_is_unknown(silent: float, lag: float | None) -> None:
    """That all received WAL is replayed says nothing of what did not arrive."""
    snapshot = alone(replace(STANDBY, silent_seconds=silent))
    assert (measured(snapshot), lag_of(snapshot).lag_bytes) == (lag, lag)  # type: ignore[union-attr]


def test_lag_of_what_arrived_is_known_behind_a_silent_link() -> None:
    """The oldest change that is not replayed is here; what may be missing is younger."""
    here = replace(STANDBY, replay_lsn=0, silent_seconds=20.0)
    snapshot = alone(here)
    assert measured(snapshot) == 4000.0


def test_an_unusual_silence_is_seen_at_once() -> None:
    """A link that had messages each second for a minute is not quiet but hung after some."""
    server = Server("db2", Role.standby)
    for ago in range(100, 20, -1):
        here = replace(STANDBY, silent_seconds=0.2)
        snapshot = server.saw(NOW - ago, {wal_position: [here], wal_receiver: [LINK]})
    assert measured(snapshot) == 0.0
    here = replace(STANDBY, silent_seconds=7.2)
    snapshot = server.saw(NOW - 14, {wal_position: [here], wal_receiver: [LINK]})
    assert not is_heard(snapshot)
    assert verdict_of(finding, snapshot).state is State.unknown


@pytest.mark.parametrize(("silent", "heard"), [(3.0, True), (4.0, False), (20.0, False)])
def test_polls_far_apart_see_it_as_soon(silent: float, heard: bool) -> None:
    """What counts is the silence at each look, not the time between the looks; nor does a
    silence become usual while it lasts, even if an answer is late."""
    server = Server("db2", Role.standby)
    for ago in range(120, 20, -10):
        here = replace(STANDBY, silent_seconds=0.1)
        server.saw(NOW - ago, {wal_position: [here], wal_receiver: [LINK]})
    for since, late in ((silent / 2, 0.3), (silent, 0.0)):
        here = replace(STANDBY, silent_seconds=since)
        snapshot = server.saw(NOW + since + late, {wal_position: [here], wal_receiver: [LINK]})
    assert is_heard(snapshot) is heard


@pytest.mark.parametrize(("silent", "heard"), [(8.0, True), (10.0, False)])
def test_what_is_usual_is_learned(silent: float, heard: bool) -> None:
    """A link that is silent for two seconds again and again is not hung after eight."""
    server = Server("db2", Role.standby)
    for second in range(100):
        here = replace(STANDBY, silent_seconds=float(second % 3))
        server.saw(NOW - 100 + second, {wal_position: [here], wal_receiver: [LINK]})
    here = replace(STANDBY, silent_seconds=silent)
    snapshot = server.saw(NOW + silent, {wal_position: [here], wal_receiver: [LINK]})
    assert is_heard(snapshot) is heard


def test_a_silence_of_a_watched_primary_that_writes_nothing_is_none() -> None:
    """It has become idle: its own position shows that nothing is missing."""
    server, primary = Server("db2", Role.standby), Server("db1", Role.primary)
    for ago in range(100, 10, -1):
        above = primary.saw(NOW - ago, {wal_position: [PRIMARY]})
        here = replace(STANDBY, silent_seconds=max(0.2, 20.0 - ago))
        snapshot = server.saw(NOW - ago, {wal_position: [here], wal_receiver: [LINK]}, above)
    assert measured(snapshot) == 0.0
    assert verdict_of(finding, snapshot).state is State.healthy


def test_wal_that_did_not_arrive_shows_a_hung_link() -> None:
    """The watched primary goes on, the standby hears nothing: its lag is known all the same."""
    server = Server("db2", Role.standby)
    here = replace(STANDBY, silent_seconds=10.0)
    link = replace(LINK, silent_seconds=10.0)
    answers: dict[AnyCollector, list[Any]] = {wal_position: [here], wal_receiver: [link]}
    assert measured(server.saw(NOW, answers, primary_writing(9))) == 8.0


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


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        (STANDBY, 0.0),
        (replace(STANDBY, replay_lsn=0), 4000.0),
        (replace(STANDBY, receiving=False), None),
        (replace(STANDBY, replay_lsn=None), None),
        (replace(STANDBY, replay_lsn=0, replayed_xact_seconds=None), None),
    ],
)
def test_the_metric_is_never_0_for_unknown(row: WalPosition, seconds: float | None) -> None:
    """pg_replication_lag_seconds is absent where nobody knows, and where the link is dead."""
    assert measured(alone(row)) == seconds


def test_the_metric_of_a_primary_is_0() -> None:
    """It is behind nobody."""
    assert measured(primary_writing(3)) == 0.0


def measured(snapshot: Snapshot) -> float | None:
    lag = lag_of(snapshot)
    assert lag
    return lag.lag_seconds


def replaying_late(delay: int, stuck: int) -> Snapshot:
    """A primary that writes 1 MiB a second, and a standby that replays it late; and then not."""
    server, row = Server("db1", Role.primary), RECEIVER
    for second in range(3001):
        lsn = (1000 + second) * MiB
        if second % 15 == 0:
            replayed = (1000 + max(0, min(second, 3000 - stuck) - delay)) * MiB
            row = replace(RECEIVER, current_lsn=lsn, sent_lsn=lsn, write_lsn=lsn)
            row = replace(row, flush_lsn=lsn, replay_lsn=replayed)
        answers: dict[AnyCollector, list[Any]] = {wal_position: [replace(PRIMARY, lsn=lsn)]}
        snapshot = server.saw(NOW - 3000 + second, answers | {replication: [row]})
    return snapshot


def test_a_delay_is_learned_from_the_primary_alone() -> None:
    """It replays everything when it is ten minutes old; so nine of these minutes are no lag."""
    assert verdict_of(finding, replaying_late(600, stuck=0)).state is State.healthy
    [subject] = verdict_of(finding, replaying_late(600, stuck=200)).subjects
    assert 180 < subject.evidence.value < 220
    assert "so replay is paused or waits for a query there" in subject.evidence.message
    assert subject.evidence.severity is Severity.warning


def test_one_that_replays_at_once_has_no_delay() -> None:
    """When it stops replaying what it has, that is no intention."""
    assert verdict_of(finding, replaying_late(0, stuck=400)).severity is Severity.critical


def test_a_standby_that_replays_nothing_may_be_paused() -> None:
    """Its primary can't tell why, but that."""
    server = Server("db1", Role.primary)
    for second in range(101):
        lsn, replayed = (1000 + second) * MiB, (1000 + min(second, 40)) * MiB
        row = replace(RECEIVER, current_lsn=lsn, sent_lsn=lsn, write_lsn=lsn, flush_lsn=lsn)
        answers: dict[AnyCollector, list[Any]] = {wal_position: [replace(PRIMARY, lsn=lsn)]}
        row = replace(row, replay_lsn=replayed)
        snapshot = server.saw(NOW - 100 + second, answers | {replication: [row]})
    [subject] = verdict_of(finding, snapshot).subjects
    assert subject.evidence.message == (
        "replica2 is 59 s and 60 MiB behind db1 (streaming): it has arrived and is not replayed;"
        " nothing was replayed for 1 min, so replay is paused or waits for a query there; only a"
        " watch of that server tells which."
    )


def test_slow_replay_is_no_pause() -> None:
    """It goes on, by half a MiB a second."""
    server = Server("db1", Role.primary)
    for second in range(101):
        lsn, replayed = (1000 + second) * MiB, (1000 + second // 2) * MiB
        row = replace(RECEIVER, current_lsn=lsn, sent_lsn=lsn, write_lsn=lsn, flush_lsn=lsn)
        answers: dict[AnyCollector, list[Any]] = {wal_position: [replace(PRIMARY, lsn=lsn)]}
        row = replace(row, replay_lsn=replayed)
        snapshot = server.saw(NOW - 100 + second, answers | {replication: [row]})
    [subject] = verdict_of(finding, snapshot).subjects
    assert 45 < subject.evidence.value <= 50
    assert "; replay goes on, but slower than WAL arrives" in subject.evidence.message


@pytest.mark.parametrize(("stuck", "pace"), [(9, "goes on"), (10, ""), (100, ""), (200, "paused")])
def test_replay_that_stands_for_a_while_does_not_go_on(stuck: int, pace: str) -> None:
    """Of a lag of 300 s: 100 s without replay are too long to go on, and too short for a pause."""
    stands = UnchangedFor(float(stuck), NOW - stuck, moved=True, value=0.0)
    row = replace(RECEIVER, replay_lsn=700 * MiB)
    lag = Lag(300 * MiB, 300.0, Certainty.exactly, "db1")
    told = receiver_behind("replica2", Severity.warning, lag, row, 0.0, stands)
    after = told.message.partition("it has arrived and is not replayed")[2]
    assert ("replay goes on" in after, "replay is paused" in after, after == ".") == (
        pace == "goes on",
        pace == "paused",
        not pace,
    )
    assert told.facts["replay_stands_seconds"] == stuck


def test_pauses_are_no_delay() -> None:
    """Three of about the same length, and replays at once between them."""
    recorder = DELAYS.recorder(Memory(), Namespace("1", "db1", "delays"))
    pauses = ((100, 200), (215, 305), (320, 400))
    for second in range(406):
        lsn, at = (1000 + second) * MiB, NOW + second
        recorder.learn(wal_position, Answer((replace(PRIMARY, lsn=lsn),), at))
        began = next((start for start, end in pauses if start <= second < end), second)
        if second % 15 == 0:
            row = replace(RECEIVER, current_lsn=lsn, replay_lsn=(1000 + began) * MiB)
            recorder.learn(replication, Answer((row,), at))
    assert recorder.view(NOW + 406).of(RECEIVER) is None


def test_relaxed_limits_are_lower() -> None:
    """What is ill must get clearly better to be well."""
    assert Limits().relax().behind < Limits().behind


def session(**given: Any) -> Session:
    nothing = dict.fromkeys(Session.__slots__)
    names = {"backend_start_text": "b", "xact_start_text": "x", "backend_type": "client backend"}
    facts = {"has_xid": False, "is_self": False, **names, **given}
    return Session(**{**nothing, **facts})
