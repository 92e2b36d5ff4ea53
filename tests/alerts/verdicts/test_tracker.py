"""Time makes verdicts of judgements: hold, hysteresis, since, mutes and events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Any

import pytest

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Shape, State, Unjudged
from alerts.history.memory import Memory
from alerts.limits import BaseLimits, Slack
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.cases import OCCURRENCES
from alerts.verdicts.evidence_json import as_json, from_json
from alerts.verdicts.mutes import Mute, Mutes
from alerts.verdicts.tracker import Timing, VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer, Collector, Lane, Role

START = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Tank:
    name: str
    level: float
    file: int | None = None


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    full: Annotated[float, Slack(0.9)] = 100


tanks = Collector(row=Tank, lane=Lane.normal, key=("name",))


def evidence(tank: Tank) -> Evidence:
    return Evidence(
        subject=tank.name,
        severity=Severity.critical if tank.level >= 200 else Severity.warning,
        value=tank.level,
        message=f"{tank.name} is at {tank.level}.",
        facts={"level": tank.level},
        cure=("SELECT 1;",),
        check="SELECT 1;",
        object=f"public.{tank.name}",
        database="shop",
        relfilenode=tank.file,
    )


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for tank in snapshot.rows(tanks):
        if tank.level < 0:
            yield Unjudged("the gauge is broken", subject=tank.name, relfilenode=tank.file)
        elif tank.level >= limits.full:
            yield evidence(tank)


def made(name: str = "overflow", how: Any = judge, **traits: Any) -> Finding[Limits]:
    def own(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        yield from how(snapshot, limits)

    own.__module__ = f"alerts.findings.tests.{name}"
    both = (Severity.warning, Severity.critical)
    return Finding(name, both, (tanks,), Limits(), own, **traits)


@dataclass
class Server:
    """A server whose answers are made up, and the tracker that is kept of it."""

    finding: Finding[Limits]
    tracker: VerdictTracker = field(default_factory=VerdictTracker)
    mutes: Mutes = field(default_factory=Mutes)
    role: Role = Role.primary

    def at(self, seconds: float, read: float | None = None, **levels: float) -> Verdict:
        """The verdict at that time, with tanks filled so; `read`: when they were looked at."""
        rows = tuple(Tank(name, level) for name, level in levels.items())
        looked = START + (seconds if read is None else read)
        return self._decide(seconds, answers={tanks: Answer(rows, looked)})

    def blind_at(self, seconds: float) -> Verdict:
        return self._decide(seconds, absent={tanks: Absence("no right", "GRANT it;")})

    def _decide(self, seconds: float, **seen: Any) -> Verdict:
        node = ServerIdentity("db1", self.role, 180000, "7001")
        snapshot = Snapshot(node, START + seconds, **seen)
        return self.tracker.decide(self.finding, snapshot, self.finding.limits, self.mutes)


def subjects(verdict: Verdict) -> list[str]:
    return [subject.evidence.subject for subject in verdict.subjects]


def test_what_is_above_its_limit_is_ill_and_what_is_below_is_not() -> None:
    """Each subject is judged for itself, and objects that were judged are counted."""
    verdict = Server(made()).at(0, a=150, b=50)
    assert (verdict.state, subjects(verdict), verdict.judged) == (State.ill, ["a"], 2)


def test_the_worst_subject_comes_first() -> None:
    """Severity counts before the value, the value before the name."""
    assert subjects(Server(made()).at(0, a=120, b=250, c=180)) == ["b", "c", "a"]


def test_a_condition_must_hold_before_it_is_ill() -> None:
    """Before that it is healthy, and afterwards ill since it began."""
    server = Server(made(hold=timedelta(seconds=20)))
    server.at(-1, a=50)
    assert server.at(0, a=150).state is State.healthy
    assert server.at(19, a=150).state is State.healthy
    verdict = server.at(20, a=150)
    assert verdict.state is State.ill
    assert verdict.subjects[0].since == START


def test_to_judge_the_same_facts_once_more_is_no_second_look() -> None:
    """The hold is counted in new facts: their age is the verdict's, whenever it was judged."""
    server = Server(made(hold=timedelta(seconds=3)))
    server.at(-1, a=50)
    for seconds in range(140):
        verdict = server.at(seconds, read=0, a=150)
        assert (verdict.state, verdict.facts_at) == (State.healthy, START)
    verdict = server.at(140, a=150)
    assert (verdict.state, verdict.facts) == (State.ill, {tanks.name: START + 140})


def test_an_interruption_makes_the_hold_begin_anew() -> None:
    """Two short peaks are no long one."""
    server = Server(made(hold=timedelta(seconds=20)))
    server.at(0, a=150)
    server.at(15, a=50)
    server.at(19, a=150)
    assert server.at(30, a=150).state is State.healthy
    assert server.at(39, a=150).state is State.ill


def test_a_single_look_does_not_wait() -> None:
    """Without hold the first look decides, and the first healthy one ends it."""
    server = Server(made(hold=timedelta(hours=1)), VerdictTracker(timing=Timing(hold=False)))
    assert server.at(0, a=150).state is State.ill
    assert server.at(1, a=50).state is State.healthy


def test_a_single_look_is_learning_where_the_age_decides() -> None:
    """What may be a step of work that goes on is named, and neither ill nor healthy."""

    def young(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        for found in judge(snapshot, limits):
            yield replace(found, may_be_young=True) if isinstance(found, Evidence) else found

    finding = made(how=young, hold=timedelta(days=1))
    server = Server(finding, VerdictTracker(timing=Timing(hold=False)))
    for seconds in (0, 1):  # it may be judged again, when its peers are known
        verdict = server.at(seconds, a=150)
        assert (verdict.state, verdict.subjects) == (State.learning, ())
        [one] = verdict.unjudged
        assert (one.subject, one.until) == ("a", START + 86400)
        assert one.reason == "one look can't tell whether it is older than 1 day"
    assert server.at(86400, a=150).state is State.ill


def test_a_single_look_knows_what_the_daemon_has_seen() -> None:
    """The state file tells the age of what has held; what came since is still too young."""

    def young(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        for found in judge(snapshot, limits):
            yield replace(found, may_be_young=True) if isinstance(found, Evidence) else found

    memory, finding = Memory(), made(how=young, hold=timedelta(days=1))
    daemon = Server(finding, VerdictTracker(memory))
    for seconds in (0, 86400, 86500):
        daemon.at(seconds, a=150)
    single = Server(finding, VerdictTracker(memory, Timing(hold=False)))
    verdict = single.at(86600, a=150, b=150)
    assert (verdict.state, subjects(verdict)) == (State.ill, ["a"])
    assert [one.subject for one in verdict.unjudged] == ["b"]


def test_an_ill_subject_stays_ill_until_it_is_below_the_relaxed_limit() -> None:
    """A value that trembles around the limit makes one case, not many."""
    server = Server(made())
    server.at(0, a=101)
    trembling = server.at(100, a=95)
    assert (trembling.state, trembling.subjects[0].since) == (State.ill, START)
    assert server.at(200, a=89).state is State.healthy
    assert server.at(300, a=95).state is State.healthy, "the relaxed limit makes nobody ill"


@pytest.mark.parametrize("hold", [0, 60])
def test_what_was_shown_once_is_seen_by_two_scrapes(hold: float) -> None:
    """A short condition stays visible for thirty seconds from when it was first shown."""
    server = Server(made(hold=timedelta(seconds=hold)))
    server.at(0, a=150)
    assert server.at(hold, a=150).state is State.ill
    assert server.at(hold + 29, a=0).state is State.ill
    assert server.at(hold + 30, a=0).state is State.healthy


def test_what_is_over_says_so_while_it_stays() -> None:
    """Nobody is sent to cure what is well again; what is ill beside it gives the reason."""
    server = Server(made())
    server.at(0, a=250, b=50)
    verdict = server.at(5, a=50, b=50)
    assert [(s.evidence.subject, s.over) for s in verdict.subjects] == [("a", START)]
    assert verdict.reason == "Over: a is at 250."
    both = server.at(6, a=50, b=150)
    assert [(s.evidence.subject, s.over) for s in both.subjects] == [("b", None), ("a", START)]
    assert both.reason == "b is at 150."
    assert [s.over for s in server.at(7, a=250, b=150).subjects] == [None, None]


def test_going_blind_never_cures() -> None:
    """What was ill is held for an hour while the state says unknown, and keeps its since."""
    server = Server(made())
    server.at(0, a=150)
    for seconds in (60, 3599):
        verdict = server.blind_at(seconds)
        assert verdict.state is State.unknown
        assert [(s.evidence.subject, s.held, s.since) for s in verdict.subjects] == [
            ("a", True, START)
        ]
        assert verdict.at_or_above(Severity.warning) == 1
    assert server.blind_at(3600).subjects == ()


def test_a_clock_that_is_set_back_holds_nothing_for_longer() -> None:
    """It was a day ahead while the tank was full, and is set right in blindness."""
    server = Server(made())
    server.at(86_400, a=150)
    assert server.blind_at(86_000).state is State.unknown
    assert subjects(server.blind_at(86_000)) == ["a"]
    assert subjects(server.blind_at(0)) == []


def test_sight_again_continues_the_case() -> None:
    """The since-time is that of the illness, not of the first look after the gap."""
    server = Server(made())
    server.at(0, a=150)
    server.blind_at(60)
    verdict = server.at(120, a=150)
    assert [(s.held, s.since) for s in verdict.subjects] == [(False, START)]


def test_blindness_for_one_subject_does_not_hold_another() -> None:
    """Only what may have been unseen is held; what was seen to be well is gone."""
    server = Server(made())
    server.at(0, a=150, b=150)
    verdict = server.at(100, a=-1, b=10)
    assert [(s.evidence.subject, s.held) for s in verdict.subjects] == [("a", True)]
    assert verdict.state is State.unknown


def test_being_partly_blind_never_hides_what_was_seen() -> None:
    """Ill comes before unknown, and both are told."""
    verdict = Server(made()).at(0, a=150, b=-1)
    assert (verdict.state, subjects(verdict)) == (State.ill, ["a"])
    assert verdict.unjudged_by_reason() == {"the gauge is broken": 1}


def test_the_state_is_since_when_it_changed() -> None:
    """A verdict renewed is no change."""
    server = Server(made())
    assert [server.at(t, a=150).changed - START for t in (0, 10, 20)] == [0, 0, 0]
    assert server.at(60, a=0).changed == START + 60


def happened(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for tank in snapshot.rows(tanks):
        yield replace(evidence(tank), value=tank.level, key=f"{tank.name}{tank.level}")


def test_an_event_is_counted_once_however_often_it_is_judged() -> None:
    """The same occurrence has the same key; a new one adds its value."""
    server = Server(made(how=happened, shape=Shape.event, linger=timedelta(minutes=10)))
    assert [server.at(t, a=2).events for t in (0, 1, 2)] == [2, 2, 2]
    assert server.at(3, a=3).events == 5


def test_an_event_lingers_and_then_leaves_its_count() -> None:
    """It is ill for its linger time, newest first; the counter never falls."""
    server = Server(made(how=happened, shape=Shape.event, linger=timedelta(minutes=10)))
    server.at(0, a=2)
    verdict = server.at(300, b=3)
    assert (verdict.state, subjects(verdict)) == (State.ill, ["b", "a"])
    assert subjects(server.at(600)) == ["b"]
    gone = server.at(900)
    assert (gone.state, gone.events) == (State.healthy, 5)


def test_an_event_of_a_clock_that_was_ahead_does_not_linger_until_then() -> None:
    """A day, where ten minutes are meant."""
    server = Server(made(shape=Shape.event, linger=timedelta(minutes=10)))
    assert server.at(86_400, a=150).state is State.ill
    later = server.at(86_400 - 300)
    assert (later.state, later.events) == (State.ill, 150)
    later = server.at(0)
    assert (later.state, later.events) == (State.healthy, 150)


def test_of_many_events_the_last_ones_are_kept() -> None:
    """A storm of events fills no page, and is counted whole."""
    server = Server(made(how=happened, shape=Shape.event))
    for number in range(50):
        verdict = server.at(number, a=1 + number / 1000)
    assert len(verdict.subjects) == OCCURRENCES
    assert verdict.events == pytest.approx(50 + sum(range(50)) / 1000)


def test_a_mute_by_configuration_is_counted_and_listed() -> None:
    """A muted subject is not ill, not lost, and says why."""
    mutes = Mutes((Mute("over*", subject="a", why="a test tank"),))
    verdict = Server(made(), mutes=mutes).at(0, a=150)
    assert (verdict.state, verdict.reason) == (State.muted, "a test tank")
    assert [subject.muted for subject in verdict.muted] == ["a test tank"]
    assert verdict.at_or_above(Severity.info) == 0


def test_a_mute_covers_nobody_else() -> None:
    """Another subject, server, database or finding is heard as before."""
    for mute in (
        Mute("overflow", subject="b"),
        Mute("overflow", server="db2"),
        Mute("overflow", database="other"),
        Mute("underflow"),
    ):
        assert Server(made(), mutes=Mutes((mute,))).at(0, a=150).state is State.ill


def test_a_mute_ends_in_time() -> None:
    """After its until the subject is heard, with its own since-time."""
    server = Server(made(), mutes=Mutes((Mute("overflow", until=START + 100),)))
    assert server.at(0, a=150).state is State.muted
    verdict = server.at(100, a=150)
    assert (verdict.state, verdict.subjects[0].since) == (State.ill, START)


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("Orders. pgvigil:ignore overflow: filled by hand", "filled by hand"),
        ("pgvigil:ignore overflow", "muted by a comment on it"),
        ("pgvigil:ignore other: x pgvigil:ignore over*: y", "y"),
        ("pgvigil:ignore overflow_two: x", None),
        ("nothing of that kind", None),
    ],
)
def test_a_comment_on_the_object_mutes_it(comment: str, why: str | None) -> None:
    """The remark names the finding and gives the reason."""
    mutes = Mutes(comments={("shop", "public.a"): comment})
    verdict = Server(made(), mutes=mutes).at(0, a=150)
    assert [subject.muted for subject in verdict.muted] == ([why] if why else [])


def test_a_comment_in_another_database_mutes_nothing() -> None:
    """Objects of the same name live in many databases."""
    mutes = Mutes(comments={("other", "public.a"): "pgvigil:ignore overflow"})
    assert Server(made(), mutes=mutes).at(0, a=150).state is State.ill


def test_on_the_other_role_it_is_not_applicable() -> None:
    """A finding of primaries says nothing of a standby, and forgets what it knew after a switch."""
    server = Server(made(on=Role.primary))
    server.at(0, a=150)
    server.role = Role.standby
    verdict = server.at(10, a=150)
    assert (verdict.state, verdict.subjects) == (State.not_applicable, ())
    server.role = Role.primary
    assert server.at(20, a=50).state is State.healthy


@pytest.mark.parametrize(("file", "is_held"), [(1, True), (None, True), (2, False)])
def test_a_table_made_anew_is_not_the_one_that_was_ill(file: int | None, is_held: bool) -> None:
    """Nor is one that was rewritten: it is not held although it can't be judged."""
    server = Server(made())

    def at(seconds: float, level: float, file: int | None) -> Verdict:
        rows = (Tank("a", level, file),)
        return server._decide(seconds, answers={tanks: Answer(rows, START + seconds)})

    assert subjects(at(0, 150, 1)) == ["a"]
    verdict = at(60, -1, file)
    assert (verdict.state, subjects(verdict)) == (State.unknown, ["a"] if is_held else [])


def test_a_broken_judge_silences_nobody() -> None:
    """Its finding is unknown, its defect is kept for the log, and others are judged."""

    def broken(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        yield evidence(Tank("a", 1 / (snapshot.at - snapshot.at)))

    book = VerdictTracker()
    verdict = Server(made("broken", broken), book).at(0, a=150)
    assert verdict.state is State.unknown
    assert "ZeroDivisionError" in verdict.reason
    assert [type(defect) for _, defect in book.defects] == [ZeroDivisionError]
    assert Server(made("overflow"), book).at(0, a=150).state is State.ill


def test_a_database_that_could_not_be_asked_is_unjudged() -> None:
    """The judge need not know about it; the reason and the grant are told."""
    server = Server(made())
    answer = Answer((Tank("a", 50),), START, {"shop": Absence("refused", "GRANT it;")})
    snapshot = Snapshot(ServerIdentity("db1"), START, {tanks: answer})
    verdict = server.tracker.decide(server.finding, snapshot, Limits(), Mutes())
    assert verdict.state is State.unknown
    assert [(u.database, u.reason, u.grant) for u in verdict.unjudged] == [
        ("shop", "refused", "GRANT it;")
    ]


def restarted(server: Server) -> Server:
    """Another process with the same memory."""
    return replace(server, tracker=VerdictTracker(server.tracker.memory))


def test_a_restart_keeps_the_since_time() -> None:
    """A case goes on where it was left."""
    server = Server(made())
    server.at(0, a=150)
    verdict = restarted(server).at(500, a=150)
    assert verdict.subjects[0].since == START


def test_a_restart_need_not_hold_again() -> None:
    """What was ill before is ill on the first look, also between the two limits."""
    server = Server(made(hold=timedelta(minutes=5)))
    server.at(0, a=150)
    server.at(300, a=150)
    assert restarted(server).at(400, a=95).state is State.ill


def test_a_restart_in_blindness_holds_what_was_ill() -> None:
    """The hour goes on from when it was last seen."""
    server = Server(made())
    server.at(0, a=150)
    assert subjects(restarted(server).blind_at(3000)) == ["a"]
    assert subjects(restarted(server).blind_at(3700)) == []


@pytest.mark.parametrize("outlives", [True, False])
def test_a_session_of_an_earlier_start_is_over(outlives: bool) -> None:
    """It is not held although nothing can be judged; also where it is known from the file only."""
    server = Server(made(outlives_restart=outlives))
    server.at(0, a=150)
    for one in (server, restarted(server)):
        node = ServerIdentity("db1", Role.primary, 180000, "7001")
        one.tracker.end_sessions([one.finding], node)
        assert subjects(one.blind_at(10)) == (["a"] if outlives else [])
    assert subjects(restarted(server).blind_at(20)) == (["a"] if outlives else [])


def test_a_judge_at_work_keeps_its_cases_when_sessions_end() -> None:
    """Another thread may be going through them: they are replaced, not emptied."""
    server = Server(made(outlives_restart=False))
    server.at(0, a=150)
    [before] = server.tracker.files.values()
    server.tracker.end_sessions([server.finding], ServerIdentity("db1", system_identifier="7001"))
    [after] = server.tracker.files.values()
    assert (len(before.cases), len(after.cases)) == (1, 0)


def test_places_survive_a_restart() -> None:
    """The eleventh does not take the place of one of the first ten, whatever it is worth."""
    server = Server(made(alerted_by=AlertedBy.subject))
    first = {f"t{n}": 150.0 for n in range(10)}
    given = server.at(0, **first).places[Severity.warning]
    assert len(given) == 10
    after = restarted(server).at(60, **first, worse=190)
    assert set(after.places[Severity.warning]) == set(given)
    assert len(after.subjects) == 11


def test_it_is_known_once_it_was_judged() -> None:
    """Until then nobody may take silence for health, unless the file tells what was ill."""
    server = Server(made())
    assert not server.blind_at(0).known
    assert server.at(1, a=50).known
    assert server.blind_at(2).known
    assert not restarted(server).blind_at(3).known
    server.at(4, a=150)
    assert restarted(server).blind_at(5).known


def test_two_that_are_called_alike_are_two() -> None:
    """A judge that gives no key loses nobody."""

    def twins(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        for tank in snapshot.rows(tanks):
            yield replace(evidence(tank), subject="walreceiver")

    verdict = Server(made(how=twins)).at(0, a=150, b=160)
    assert len({one.evidence.identity for one in verdict.subjects}) == 2


def test_a_restart_forgets_what_was_cured() -> None:
    """A case that ended before is a new one when it comes back."""
    server = Server(made())
    server.at(0, a=150)
    server.at(100, a=0)
    verdict = restarted(server).at(500, a=150)
    assert verdict.subjects[0].since == START + 500


def test_a_restart_keeps_the_count_of_events() -> None:
    """The counter goes on, or Prometheus would see a reset."""
    server = Server(made(how=happened, shape=Shape.event))
    server.at(0, a=2)
    assert restarted(server).at(100, a=3).events == 5


def test_another_server_under_the_same_name_has_no_history() -> None:
    """Memory belongs to a system_identifier."""
    memory = Memory()
    finding = made()

    def decided(system: str, seconds: float) -> Verdict:
        snapshot = Snapshot(
            ServerIdentity("db1", system_identifier=system),
            START + seconds,
            {tanks: Answer((Tank("a", 150),), START + seconds)},
        )
        return VerdictTracker(memory).decide(finding, snapshot, Limits(), Mutes())

    decided("7001", 0)
    assert decided("7001", 100).subjects[0].since == START
    assert decided("7002", 100).subjects[0].since == START + 100


def test_evidence_survives_as_json() -> None:
    """What is written down is read back whole."""
    written = json.dumps(as_json(evidence(Tank("a", 150))))
    assert from_json(json.loads(written)) == evidence(Tank("a", 150))


def test_what_was_not_known_and_may_be_ill_is_not_healthy_while_it_holds() -> None:
    """From unknown to ill the way never leads through healthy."""
    server = Server(made(hold=timedelta(seconds=10)))
    assert server.blind_at(0).state is State.unknown
    pending = server.at(1, red=150)
    assert (pending.state, pending.unjudged[0].until) == (State.learning, START + 11)
    assert server.at(11, red=150).state is State.ill


def test_what_was_healthy_stays_so_while_it_holds() -> None:
    """A passing peak is no news, and no learning either."""
    server = Server(made(hold=timedelta(seconds=10)))
    assert server.at(0).state is State.healthy
    assert server.at(1, red=150).state is State.healthy


def test_who_is_critical_stays_so_until_below_the_relaxed_limit() -> None:
    """A value that trembles around a limit does not page and unpage; nobody rises by it."""
    server = Server(made(how=judge_of_two))
    assert server.at(0, a=150).severity is Severity.warning
    assert server.at(1, a=195).severity is Severity.warning
    assert server.at(2, a=200).severity is Severity.critical
    assert server.at(3, a=195).severity is Severity.critical
    assert server.at(4, a=170).severity is Severity.warning


def judge_of_two(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    """As `judge`, with both limits relaxed together."""
    for tank in snapshot.rows(tanks):
        if tank.level >= limits.full:
            bad = tank.level >= 2 * limits.full
            yield replace(evidence(tank), severity=Severity.critical if bad else Severity.warning)


def test_a_restart_keeps_the_last_occurrences_of_an_event() -> None:
    """Their evidence is there after a restart, and none is counted twice."""
    server = Server(made(how=happened, shape=Shape.event))
    server.at(0, a=1)
    again = restarted(server)
    verdict = again.at(5, a=1)
    assert (subjects(verdict), verdict.events) == (["a"], 1)
