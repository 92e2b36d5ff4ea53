"""Findings about a standby by hand-made rows: what is ill, what is not quite, what is unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.replication import (
    recovery_conflicts,
    replay_blocked_by_query,
    replay_paused,
    replica_config_lower,
    sync_standby_missing,
)
from alerts.replication.synchronous import rule_of
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Role
from collectors.activity import activity
from collectors.database_conflicts import database_conflicts
from collectors.replication import replication
from collectors.settings import Setting, settings
from collectors.wal_position import wal_position
from collectors.wal_receiver import wal_receiver
from tests.fixtures.lock_rows import filled, session
from tests.fixtures.one_look import verdict_of
from tests.fixtures.replication_rows import LINK, NOW, PRIMARY, RECEIVER, STANDBY, Server

Answers = dict[AnyCollector, list[Any]]


def setting(name: str, text: str, kind: str = "string") -> Setting:
    return Setting(name, text, None, kind, "configuration file", False, "", context="sighup")


@pytest.mark.parametrize(
    ("text", "number", "names"),
    [
        ("db2", 1, ("db2",)),
        ('db2, "x, y"', 1, ("db2", "x, y")),
        ("FIRST 2 (a, b, c)", 2, ("a", "b", "c")),
        ("any 2(*)", 2, ("*",)),
        ("2 (a,b)", 2, ("a", "b")),
    ],
)
def test_rule_of_synchronous_standbys(text: str, number: int, names: tuple[str, ...]) -> None:
    """All forms of the setting; an empty one asks for none."""
    rule = rule_of(text)
    assert rule
    assert (rule.number, rule.names) == (number, names)
    assert rule_of("") is None


def committing(names: str, *states: str, waits: float | None = None, mode: str = "on") -> Snapshot:
    """A primary with these synchronous standbys, and perhaps a commit that waits."""
    receivers = [
        replace(RECEIVER, application_name=f"db{number}", sync_state=state)
        for number, state in enumerate(states, 2)
    ]
    people = [] if waits is None else [session(7, wait_event="SyncRep", query_seconds=waits)]
    given = [setting("synchronous_standby_names", names), setting("synchronous_commit", mode)]
    given.append(setting("cluster_name", "db1"))
    answers: Answers = {wal_position: [PRIMARY], replication: list(receivers)}
    return Server("db1", Role.primary).saw(NOW, answers | {settings: given, activity: people})


@pytest.mark.parametrize(("ago", "severity"), [(59, Severity.warning), (60, Severity.critical)])
def test_a_new_primary_waits_for_the_old_one(ago: int, severity: Severity) -> None:
    """In a switchover it comes back as a standby; until then commits do hang."""
    server = Server("db2", Role.primary)
    for before, here in ((ago + 1, STANDBY), (ago, PRIMARY)):
        server.saw(NOW - before, {wal_position: [here]})
    given = [setting("synchronous_standby_names", "ANY 1 (db1, db2)")]
    answers: Answers = {wal_position: [PRIMARY], replication: [], activity: []}
    snapshot = server.saw(NOW, answers | {settings: given})
    assert verdict_of(sync_standby_missing.finding, snapshot).severity is severity


@pytest.mark.parametrize(
    ("snapshot", "severity"),
    [
        (committing(""), None),
        (committing("db2", "sync"), None),
        (committing("db2", "sync", waits=2.0), None),
        (committing("db2", "sync", waits=31.0), Severity.critical),
        (committing("db2", "async"), Severity.critical),
        (committing("db2", mode="local"), Severity.info),
        (committing("db2", waits=1.0, mode="local"), Severity.critical),
        (committing("ANY 2 (db2, db3, db4)", "quorum", "quorum"), None),
        (committing("ANY 2 (db2, db3, db4)", "quorum"), Severity.critical),
        (committing("FIRST 1 (db2, db3)", "sync", "potential"), None),
    ],
)
def test_commits_that_need_a_standby(snapshot: Snapshot, severity: Severity | None) -> None:
    """Enough of them is healthy, by any name; too few is critical if commits wait."""
    assert verdict_of(sync_standby_missing.finding, snapshot).severity is severity


@pytest.mark.parametrize(
    ("snapshot", "told"),
    [
        (committing("db2"), "Commits need 1 synchronous standby, none is there (missing: db2);"),
        (
            committing("ANY 2 (db1, db2, db3)", "quorum", waits=9.0),
            "Commits need 2 synchronous standbys, 1 is there (missing: db3); 1 commit waits for it",
        ),
    ],
)
def test_who_is_missing_is_named(snapshot: Snapshot, told: str) -> None:
    """The server itself, which may be in the list as well, is none of them."""
    [subject] = verdict_of(sync_standby_missing.finding, snapshot).subjects
    assert told in subject.evidence.message


@pytest.mark.parametrize(("ago", "severity"), [(600, Severity.info), (901, Severity.warning)])
def test_a_long_pause_is_a_warning(ago: int, severity: Severity) -> None:
    """By the time since replay ran last."""
    server = Server("db2", Role.standby)
    server.saw(NOW - ago, {wal_position: [STANDBY], wal_receiver: [LINK]})
    paused = replace(LINK, pause_state="paused")
    verdict = verdict_of(
        replay_paused.finding, server.saw(NOW, {wal_position: [STANDBY], wal_receiver: [paused]})
    )
    assert (verdict.severity, verdict.subjects[0].evidence.value) == (severity, ago)


def test_a_pause_of_unknown_length_is_a_warning() -> None:
    """It was there before the daemon."""
    paused = replace(LINK, pause_state="paused")
    answers: Answers = {wal_position: [STANDBY], wal_receiver: [paused]}
    snapshot = Server("db2", Role.standby).saw(NOW, answers)
    assert verdict_of(replay_paused.finding, snapshot).severity is Severity.warning


@pytest.mark.parametrize(("cancelled", "state"), [(9, State.healthy), (10, State.ill)])
def test_conflicts_count_by_the_minute(cancelled: int, state: State) -> None:
    """Nine in ten minutes are usual; ten are told, and gone when no more come."""
    server, none = Server("db2", Role.standby), dict.fromkeys(database_conflicts.counters, 0)
    for minute in range(25):
        count = min(minute, 10) * cancelled // 10
        row = filled(database_conflicts.row, datname="shop", **none | {"confl_snapshot": count})
        answers: Answers = {wal_position: [STANDBY], database_conflicts: [row]}
        snapshot = server.saw(NOW + 60 * minute, answers)
        if minute == 10:
            verdict = verdict_of(recovery_conflicts.finding, snapshot)
            assert verdict.state is state
            assert all(s.evidence.subject == "shop: snapshot" for s in verdict.subjects)
    assert verdict_of(recovery_conflicts.finding, snapshot).state is State.healthy


def test_one_lost_slot_is_told() -> None:
    """Each conflict with a logical slot costs it; before 16 there is no such count."""
    server, none = Server("db2", Role.standby), dict.fromkeys(database_conflicts.counters, 0)
    for minute, count in enumerate((0, 1)):
        lost = none | {"confl_active_logicalslot": count}
        row = filled(database_conflicts.row, datname="shop", **lost)
        answers: Answers = {wal_position: [STANDBY], database_conflicts: [row]}
        snapshot = server.saw(NOW + 60 * minute, answers)
    [subject] = verdict_of(recovery_conflicts.finding, snapshot).subjects
    assert subject.evidence.subject == "shop: active_logicalslot"
    assert "so these are lost" in subject.evidence.message


@pytest.mark.parametrize(
    ("event", "seconds", "state"),
    [
        ("RecoveryConflictSnapshot", 59, State.healthy),
        ("RecoveryConflictSnapshot", 61, State.ill),
        ("RecoveryApplyDelay", 600, State.healthy),
        ("RecoveryPause", 600, State.healthy),
    ],
)
def test_replay_that_waits_for_a_query(event: str, seconds: int, state: State) -> None:
    """A minute, and for a query: not for its delay, and not while it is paused."""
    server = Server("db2", Role.standby)
    startup = session(5, backend_type="startup", wait_event=event)
    query = session(77, xmin_age=900, xact_seconds=400.0)
    for ago in (seconds, 0):
        answers: Answers = {wal_position: [STANDBY], wal_receiver: [LINK]}
        snapshot = server.saw(NOW - ago, answers | {activity: [startup, query]})
    verdict = verdict_of(replay_blocked_by_query.finding, snapshot)
    assert verdict.state is state
    assert verdict.severity in (None, Severity.warning)


def test_a_short_window_is_enough_for_many_conflicts() -> None:
    """Ten in the first minute are ten in ten."""
    server, none = Server("db2", Role.standby), dict.fromkeys(database_conflicts.counters, 0)
    for count in (0, 12):
        row = filled(database_conflicts.row, datname="shop", **none | {"confl_lock": count})
        answers: Answers = {wal_position: [STANDBY], database_conflicts: [row]}
        snapshot = server.saw(NOW + count, answers)
    assert verdict_of(recovery_conflicts.finding, snapshot).state is State.ill


@pytest.mark.parametrize(
    ("here", "pause", "severity"),
    [
        (100, "not paused", None),
        (200, "not paused", None),
        (99, "not paused", Severity.warning),
        (99, "paused", Severity.critical),
    ],
)
def test_settings_below_the_primary(here: int, pause: str, severity: Severity | None) -> None:
    """Higher is fine; lower is critical once replay has stopped because of it."""
    connections = [setting("max_connections", "100", "integer")]
    primary = Server("db1", Role.primary).saw(
        NOW, {wal_position: [PRIMARY], settings: [*connections]}
    )
    own = [setting("max_connections", str(here), "integer")]
    link = replace(LINK, pause_state=pause)
    answers: Answers = {wal_position: [STANDBY], wal_receiver: [link], settings: [*own]}
    seen = Server("db2", Role.standby).saw(NOW, answers, primary)
    assert verdict_of(replica_config_lower.finding, seen).severity is severity
    alone = replace(seen, peers=())
    verdict = verdict_of(replica_config_lower.finding, alone)
    assert (verdict.state, verdict.unjudged[0].setting) == (State.unknown, "servers")
