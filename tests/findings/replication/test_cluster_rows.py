"""Findings about a cluster by hand-made rows: roles, readers, two primaries, readiness."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts.findings.replication import (
    failover_readiness,
    role_changed,
    stale_reads,
    two_primaries,
)
from alerts.history.memory import Memory
from alerts.replication.readiness import Readiness, of_receiver, readiness_of
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, AnyCollector, Role
from collectors.activity import activity
from collectors.collation_versions import CollationVersion, collation_versions
from collectors.connection import Cause, Connection, connection
from collectors.databases import databases
from collectors.extensions import Extension, extensions
from collectors.replication import replication
from collectors.replication_slots import replication_slots
from collectors.settings import Setting, settings
from collectors.subscriptions import subscriptions
from collectors.wal_position import WalPosition, wal_position
from collectors.wal_receiver import WalReceiver, wal_receiver
from monitor.reports.failover import candidates, failover_table, silent_servers
from tests.fixtures.lock_rows import filled, session
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

Answers = dict[AnyCollector, list[Any]]
UP: Answers = {wal_position: [PRIMARY]}
DOWN: Answers = {wal_position: [STANDBY], wal_receiver: [LINK]}
DEAD = Snapshot(ServerIdentity("db1"), NOW)
"""A server of the settings that does not answer."""
OTHER = replace(DEAD, node=ServerIdentity("db3", Role.standby, cluster="1"))


def slot(name: str, kind: str = "logical", **traits: Any) -> Any:
    own = {"slot_type": kind, "temporary": False, "wal_status": "reserved"}
    return filled(replication_slots.row, slot_name=name, **own | traits)


def setting(name: str, text: str, kind: str = "string") -> Setting:
    return Setting(name, text, None, kind, "configuration file", False, "", context="sighup")


def test_a_promotion_tells_what_it_lost() -> None:
    """The slots of the old primary, as far as they are not here; not those dropped before."""
    memory = Memory()
    old, new = Server("db1", Role.primary, memory), Server("db2", Role.standby, memory)
    before = [slot("orders"), slot("dropped"), slot("db2", "physical"), slot("kept")]
    old.saw(NOW - 60, UP | {replication_slots: before})
    old.saw(NOW - 30, UP | {replication_slots: [one for one in before if one is not before[1]]})
    assert verdict_of(role_changed.finding, new.saw(NOW - 20, DOWN)).state is State.healthy
    promoted = Server("db2", Role.primary, memory)
    snapshot = promoted.saw(NOW, UP | {replication_slots: [slot("kept")]})
    verdict = verdict_of(role_changed.finding, snapshot)
    assert verdict.severity is Severity.warning
    facts = verdict.subjects[0].evidence.facts
    assert (facts["lost_slots"], facts["lost_logical_slots"]) == ("db2, orders", "orders")
    later = promoted.saw(NOW + 3700, UP)
    assert verdict_of(role_changed.finding, later).state is State.healthy


def test_a_planned_switchover_is_information() -> None:
    """On both sides, and a restart in the same role is none."""
    memory = Memory()
    Server("db1", Role.primary, memory).saw(NOW - 60, UP)
    again = Server("db1", Role.primary, memory)
    assert verdict_of(role_changed.finding, again.saw(NOW - 30, UP)).state is State.healthy
    demoted = Server("db1", Role.standby, memory).saw(NOW, DOWN)
    assert verdict_of(role_changed.finding, demoted).severity is Severity.info


READER = session(7, application_name="shop", state="active")


@pytest.mark.parametrize(
    ("reader", "behind", "subjects"),
    [
        (READER, 100, ["app (shop)"]),
        (READER, 10, []),
        (replace(READER, state="idle", state_seconds=5.0), 100, ["app (shop)"]),
        (replace(READER, state="idle", state_seconds=600.0), 100, []),
        (replace(READER, application_name="pg_dump"), 100, []),
        (replace(READER, backend_type="walsender"), 100, []),
    ],
)
def test_who_reads_old_data(reader: Any, behind: int, subjects: list[str]) -> None:
    """Sessions that read lately from a standby that is behind; copies are no readers."""
    server = Server("db2", Role.standby)
    counters = dict.fromkeys(databases.counters, 0)
    for second in (30, 0):
        row = filled(
            databases.row, datname="shop", **counters | {"tup_fetched": 3000 - 100 * second}
        )
        answers = DOWN | {activity: [reader], databases: [row]}
        snapshot = server.saw(NOW - second, answers, primary_writing(behind))
    verdict = verdict_of(stale_reads.finding, snapshot)
    assert [s.evidence.subject for s in verdict.subjects] == subjects
    assert all(s.evidence.facts["rows_per_second"] == 100 for s in verdict.subjects)


def test_a_delay_on_purpose_is_no_stale_read() -> None:
    """Who reads from a delayed standby wants old data."""
    link = replace(LINK, apply_delay_seconds=3600.0)
    answers: Answers = {wal_position: [STANDBY], wal_receiver: [link], activity: [READER]}
    snapshot = Server("db2", Role.standby).saw(NOW, answers, primary_writing(100))
    assert verdict_of(stale_reads.finding, snapshot).state is State.healthy


def synchronous(names: str) -> Setting:
    return setting("synchronous_standby_names", names)


def both(first: Snapshot, second: Snapshot, cluster: str = "1") -> Snapshot:
    """The second, with the first as its peer, in a cluster of that name."""
    first = replace(first, node=replace(first.node, cluster=cluster))
    return replace(second, node=replace(second.node, cluster=cluster), peers=(first,))


@pytest.mark.parametrize(
    ("cluster", "streamed", "severity"),
    [
        ("1", False, Severity.info),
        ("1/shop", False, Severity.critical),
        ("1", True, Severity.critical),
    ],
)
def test_two_primaries_or_a_clone(cluster: str, streamed: bool, severity: Severity) -> None:
    """The same cluster by its setting, or by having been its standby; else perhaps a clone."""
    memory = Memory()
    if streamed:
        Server("db2", Role.standby, memory).saw(NOW - 600, DOWN)
    first = Server("db1", Role.primary, memory).saw(NOW, UP)
    newer: Answers = {wal_position: [replace(PRIMARY, timeline=2)]}
    second = Server("db2", Role.primary, memory).saw(NOW, newer)
    verdict = verdict_of(two_primaries.finding, both(first, second, cluster))
    assert verdict.severity is severity
    assert all(line.startswith("-- ") for s in verdict.subjects for line in s.evidence.cure)
    older = verdict_of(two_primaries.finding, both(second, first, cluster))
    assert older.state is State.healthy, "told once"


def test_one_server_alone_knows_of_no_second_primary() -> None:
    """Only another server of the cluster beside it makes it healthy."""
    finding, above = two_primaries.finding, primary_writing(3)
    assert verdict_of(finding, above).state is State.not_applicable
    below = alone(STANDBY, LINK)
    assert verdict_of(finding, replace(above, peers=(below,))).state is State.healthy


def test_a_primary_of_a_while_ago_is_none_now() -> None:
    """In a switchover the last answer of the old primary is still there for some time."""
    first = Server("db1", Role.primary).saw(NOW - 20, UP)
    second = Server("db2", Role.primary).saw(NOW, {wal_position: [replace(PRIMARY, timeline=2)]})
    assert verdict_of(two_primaries.finding, both(first, second)).state is State.healthy


SAME: Answers = {
    settings: [setting("max_connections", "100", "integer"), setting("wal_level", "logical")],
    replication_slots: [],
    collation_versions: [CollationVersion("libc", "2.36"), CollationVersion("icu", "153.1")],
    extensions: [Extension("shop", "hstore", "public", "1.8", "1.8")],
}


def ready(
    here: Answers, there: Answers, link: Any = LINK, behind: int = 0, most: float = 60
) -> Readiness:
    """A standby with these answers beside a primary with those; the rest is the same on both."""
    received = (1000 + 60 - behind) * MiB
    link = replace(link, written_lsn=received, flushed_lsn=received, replay_lsn=received)
    position = replace(STANDBY, lsn=received, replay_lsn=received)
    answers: Answers = {wal_position: [position], wal_receiver: [link]}
    primary = primary_writing(60)
    server = Server("db1", Role.primary)
    above = server.saw(NOW, SAME | there | {wal_position: [replace(PRIMARY, lsn=1060 * MiB)]})
    above = replace(above, histories=primary.histories)
    snapshot = Server("db2", Role.standby).saw(NOW, SAME | answers | here, above)
    return readiness_of(snapshot, most, 16 * MiB)


def test_one_like_its_primary_is_ready() -> None:
    """Nothing would be lost, and nothing breaks."""
    one = ready({}, {})
    assert (one.is_ready, one.lost_bytes, one.breaks, one.unknown) == (True, 0, (), ())


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (replace(LINK, apply_delay_seconds=600.0), "delayed by 10 min on purpose"),
        (CUT, "it receives nothing"),
    ],
)
def test_reasons_against_a_candidate(link: Any, reason: str) -> None:
    """Each is named."""
    assert reason in "; ".join(ready({}, {}, link).blockers)


@pytest.mark.parametrize(("most", "is_ready"), [(60, True), (30, False)])
def test_a_loss_beyond_the_limit(most: float, is_ready: bool) -> None:
    """What has not arrived, and for how long."""
    one = ready({}, {}, behind=59, most=most)
    assert (one.lost_bytes, one.lost_seconds, one.is_ready) == (59 * MiB, 58, is_ready)


@pytest.mark.parametrize(("most", "is_ready"), [(30, False), (90, None)])
def test_a_loss_from_before_the_first_look(most: float, is_ready: bool | None) -> None:
    """It is as old as the history at least; whether that is too old may not be known yet."""
    one = ready({}, {}, behind=900, most=most)
    assert (one.lost_bytes, one.lost_seconds, one.is_ready) == (900 * MiB, None, is_ready)
    told = (
        "900 MiB of at least 1 min would be lost" if is_ready is False else "the age of the 900 MiB"
    )
    assert told in "; ".join((*one.blockers, *one.doubts))


@pytest.mark.parametrize(
    ("here", "there", "broken"),
    [
        ({}, {replication_slots: [slot("orders")]}, "logical slot orders is not ready here"),
        (
            {replication_slots: [slot("orders", synced=True)]},
            {replication_slots: [slot("orders", failover=True)]},
            "",
        ),
        (
            {},
            {replication_slots: [slot("third", "physical")]},
            "physical slots are not here: third",
        ),
        (
            {extensions: [Extension("shop", "postgis", "public", "3.4", None)]},
            {},
            "files of extensions are not installed: postgis",
        ),
        (
            {collation_versions: [CollationVersion("libc", "2.31")]},
            {},
            "libc is 2.31, the primary has 2.36",
        ),
        (
            {settings: [setting("archive_mode", "off"), setting("wal_level", "replica")]},
            {settings: [setting("archive_mode", "on"), setting("wal_level", "logical")]},
            "wal_level is replica, the primary has logical; archive_mode is off",
        ),
        (
            {settings: [setting("shared_preload_libraries", "a, b")]},
            {settings: [setting("shared_preload_libraries", "b,c")]},
            "libraries are not preloaded: c",
        ),
        ({settings: [synchronous("db2")]}, {}, "commits would wait for itself"),
        ({settings: [synchronous("ANY 2 (DB2, db3)")]}, {}, "commits would wait for itself"),
        ({settings: [synchronous("db2, db3")]}, {}, ""),
        ({settings: [synchronous("ANY 1 (*)")]}, {}, ""),
    ],
)
def test_what_would_break(here: Answers, there: Answers, broken: str) -> None:
    """It could take over all the same."""
    one = ready(here, there, replace(LINK, application_name="db2"))
    assert one.is_ready
    assert broken in "; ".join(one.breaks)
    assert bool(broken) is bool(one.breaks)


@pytest.mark.parametrize(("behind", "told"), [(0, False), (1, True)])
def test_what_a_subscription_loses(behind: int, told: bool) -> None:
    """Its publisher thinks that it has kept what is lost; one that is disabled gets nothing."""
    rows = [
        filled(subscriptions.row, subname=name, enabled=name == "orders")
        for name in ("orders", "old")
    ]
    table = failover_table([ready({}, {subscriptions: rows}, behind=behind)])
    assert ("lost for good: what is lost of orders; no publisher" in table) is told


def test_settings_below_the_primary_stop_recovery() -> None:
    """It would not even start."""
    low = [setting("max_connections", "50", "integer")]
    assert "max_connections is 50" in "; ".join(ready({settings: [*low]}, {}).blockers)


def test_a_finding_of_a_standby_beside_its_primary() -> None:
    """Unknown where there is nothing to compare with; a delayed standby is no candidate."""
    finding = failover_readiness.finding
    verdict = verdict_of(finding, alone())
    assert (verdict.state, verdict.unjudged[0].setting) == (State.unknown, "servers")
    delayed = alone(STANDBY, replace(LINK, apply_delay_seconds=60.0))
    assert verdict_of(finding, delayed).state is State.healthy
    assert verdict_of(finding, alone(STANDBY, LINK, primary_writing(3))).state is State.healthy
    silent = replace(LINK, silent_seconds=300.0)
    hung = alone(replace(STANDBY, silent_seconds=300.0), silent, primary_writing(3))
    assert verdict_of(finding, hung).severity is Severity.warning


def test_with_a_dead_primary_the_one_with_most_wal_is_best() -> None:
    """None receives anything then: that is no reason against any of them."""
    limits = failover_readiness.Limits()
    down = replace(STANDBY, receiving=False)
    behind = replace(CUT, flushed_lsn=990 * MiB, replay_lsn=990 * MiB)
    best, other = alone(down, CUT), alone(down, behind)
    other = replace(other, node=replace(other.node, server="db0"))
    table = failover_table(candidates([(other, limits), (best, limits), (DEAD, limits)]))
    rows = [line.split()[:3] for line in table.splitlines() if line[:2] == "db"]
    assert rows == [["db2", "yes", "0/3E800000"], ["db0", "yes", "0/3DE00000"]]
    assert "unknown: it receives nothing" in table


@pytest.mark.parametrize(
    ("others", "here", "link", "is_ready"),
    [
        ((), STANDBY, LINK, None),
        ((), replace(STANDBY, receiving=False), CUT, None),
        ((DEAD,), STANDBY, LINK, None),  # the daemon can't reach it, the standby can
        ((DEAD,), replace(STANDBY, receiving=False), CUT, True),
        ((OTHER,), replace(STANDBY, receiving=False), CUT, None),
        ((DEAD,), replace(STANDBY, silent_seconds=300.0), LINK, True),  # its machine has vanished
    ],
)
def test_without_a_watched_primary_the_loss_is_not_known(
    others: tuple[Snapshot, ...], here: WalPosition, link: WalReceiver, is_ready: bool | None
) -> None:
    """A yes never rests on a loss that is unknown, unless the primary is seen to be dead."""
    limits = failover_readiness.Limits()
    servers = [(one, limits) for one in (alone(here, link), *others)]
    [one] = [found for found in candidates(servers) if found.candidate == "db2"]
    assert (one.lost_bytes, one.is_ready) == (None, is_ready)
    told = "    not known: what would be lost is not known: its primary is not watched"
    assert (told in failover_table([one])) is (is_ready is None)


def test_a_pause_without_a_primary_may_be_one_of_settings() -> None:
    """With settings below the primary's replay pauses, and a promotion ends the server."""
    limits = failover_readiness.Limits()
    cut = replace(STANDBY, receiving=False)
    down = alone(cut, replace(CUT, pause_state="paused"))
    [one] = found = candidates([(down, limits), (DEAD, limits)])
    assert (one.is_ready, one.breaks) == (None, ())
    table = failover_table(found)
    assert table.splitlines()[1].split()[:2] == ["db2", "unknown"]
    assert "    not known: replay is paused, and the primary's settings" in table
    behind = alone(cut, replace(CUT, flushed_lsn=990 * MiB, replay_lsn=990 * MiB))
    running = replace(behind, node=replace(behind.node, server="db0"))
    both_found = candidates([(down, limits), (running, limits), (DEAD, limits)])
    assert [(one.candidate, one.is_ready) for one in both_found] == [("db0", True), ("db2", None)]


PAUSED = replace(LINK, pause_state="paused")
LOW = [setting("max_connections", "50", "integer")]


@pytest.mark.parametrize(
    ("here", "there", "is_ready", "told"),
    [
        ({}, {}, True, "breaks: replay is paused: a promotion ends that"),
        ({settings: LOW}, {}, False, "not ready: max_connections is 50"),
        ({}, {settings: []}, None, "not known: replay is paused"),
        ({settings: []}, {}, None, "not known: replay is paused"),
    ],
)
def test_a_pause_beside_a_primary(
    here: Answers, there: Answers, is_ready: bool | None, told: str
) -> None:
    """The settings of both tell what the pause is: by hand, or for good."""
    one = ready(here, there, PAUSED)
    assert one.is_ready is is_ready
    assert told in failover_table([one])


def test_a_pause_of_unknown_cause_leaves_the_finding_unknown() -> None:
    """Never healthy, and never ill only for that."""
    finding = failover_readiness.finding
    verdict = verdict_of(finding, alone(STANDBY, PAUSED, primary_writing(3)))
    assert verdict.state is State.unknown
    assert "insufficient parameter settings" in verdict.unjudged[0].reason


def test_a_standby_that_is_not_watched_is_not_known_to_be_ready() -> None:
    """All that its primary sees is as well where its replay is paused."""
    above = alone(STANDBY, LINK, primary_writing(3)).peers[0]
    above = replace(above, answers={**above.answers, replication: Answer((RECEIVER,), above.at)})
    [one] = candidates([(above, failover_readiness.Limits())])
    assert (one.candidate, one.is_ready) == (RECEIVER.name, None)
    assert "    not known: it is not watched" in failover_table([one])
    assert of_receiver(above, replace(RECEIVER, state="catchup")).is_ready is False


def test_the_table_of_candidates() -> None:
    """The best first, each with its reasons; a server without rights is told as it is."""
    limits = failover_readiness.Limits()
    good = alone(STANDBY, LINK, primary_writing(3))
    late = alone(STANDBY, replace(LINK, apply_delay_seconds=60.0), primary_writing(3))
    late = replace(late, node=replace(late.node, server="db3"))
    blind = replace(good, node=replace(good.node, server="db4"), answers={})
    table = failover_table(candidates([(blind, limits), (late, limits), (good, limits)]))
    lines = [line.split()[:2] for line in table.splitlines() if line[:2] == "db"]
    assert lines == [["db2", "yes"], ["db4", "unknown"], ["db3", "no"]]
    assert "    not ready: it is delayed by 1 min on purpose" in table
    assert failover_table([]).startswith("No standby was found")


def test_a_server_that_does_not_answer_is_named() -> None:
    """Else a wrong password reads as if there were no standby."""
    limits = failover_readiness.Limits()
    row = filled(Connection, up=False, cause=Cause.auth, message="no such password")
    away = Snapshot(ServerIdentity("db9"), 0.0, {connection: Answer((row,), 0.0)})
    up = replace(away, answers={connection: Answer((replace(row, up=True),), 0.0)})
    [told] = silent_servers([(away, limits), (up, limits)])
    assert told == "db9 does not answer: no such password\n"
