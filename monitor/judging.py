"""Judging of one server's findings, when their input is new or has become too old."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any

import structlog

from alerts._base import AnyFinding, State, Unjudged
from alerts._catalogue import findings_about, of_catalogue
from alerts.history.kind import HomeThread
from alerts.history.memory import Memory
from alerts.history.recorder import LARGE, Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector, Kind, Lane, Scope
from monitor.background import in_background
from monitor.config.watch_plan import WatchPlan
from monitor.defects import DEFECTS, place_of

log = structlog.get_logger("pgvigil")
TURN = 0.05
"""Seconds after which the background thread judges nothing further for one server at once."""
JudgeInput = tuple[Snapshot, Mutes]
_NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class Judging:
    """The verdicts on one server, by finding.

    Findings with long answers are judged in the background, in batches; the others at once.
    """

    plan: WatchPlan
    tracker: VerdictTracker
    recorder: Recorder
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    waiting: dict[str, JudgeInput] = field(default_factory=dict)
    """Findings to be judged in the background, each with its newest snapshot."""
    at_work: "asyncio.Task[None] | None" = None
    measured: dict[str, float] = field(default_factory=dict)
    """When the findings that measure something were last judged, as far as that is told."""
    late_news: bool = False
    """Whether background judging has changed a state that is not reported yet."""

    @classmethod
    def of(cls, plan: WatchPlan, memory: Memory, recorder: Recorder) -> "Judging":
        return cls(plan, VerdictTracker(memory, plan.timing), recorder)

    def judge(
        self,
        fresh: Iterable[AnyCollector],
        snapshot: Snapshot,
        mutes: Mutes,
        repeated: Set[AnyCollector] = frozenset(),
    ) -> bool:
        """Judge the findings that read one of these, at first all; return if a state changed.

        `repeated`: those of them whose rows are the same as at the last judgement.
        """
        changed, self.late_news = self.late_news, False
        late: list[str] = []
        for name in self._due(fresh, repeated):
            if name in self.waiting or reads_much(name, snapshot):
                late.append(name)
            else:
                changed |= self._note(name, self._decide(name, snapshot, mutes))
        if late:
            kinds = {kind for name in late for kind in _findings()[name].history}
            self.waiting.update(dict.fromkeys(late, (snapshot.frozen(kinds), mutes)))
        if self.at_work is None and (self.waiting or self.recorder.is_behind):
            self.at_work = asyncio.create_task(self._judge_aside())
            self.at_work.add_done_callback(_log_end)
        self._log_defects(snapshot.node.server)
        return changed

    def _due(self, fresh: Iterable[AnyCollector], repeated: Set[AnyCollector]) -> list[str]:
        """Return the names of findings that read one of these, or have no verdict yet."""
        due = set[str]()
        for collector in fresh:
            if collector not in repeated:
                due |= _readers().get(collector, _NONE)
            else:
                due |= {n for n in _readers().get(collector, _NONE) if self._asks(n, collector)}
        if len(self.verdicts) < len(_findings()):
            due |= _findings().keys() - self.verdicts.keys()
        return sorted(due)

    def _asks(self, name: str, repeated: AnyCollector) -> bool:
        """Whether the same rows again may change a verdict: not where they only explain what was
        not found. What is ill or unknown ends in time, even by the same rows."""
        verdict = self.verdicts.get(name)
        if verdict is None or verdict.state is not State.healthy or verdict.subjects:
            return True
        finding = _findings()[name]
        return repeated in finding.reads or any(repeated in k.collectors for k in finding.history)

    def _note(self, name: str, verdict: Verdict) -> bool:
        """Replace the verdict; return if the state or severity of its finding changed."""
        before = self.verdicts.get(name)
        self.verdicts[name] = verdict
        if before is None or before.state is not verdict.state:
            return True
        has_subjects = before.subjects or verdict.subjects
        return bool(has_subjects) and before.severity is not verdict.severity

    def _decide(self, name: str, snapshot: Snapshot, mutes: Mutes) -> Verdict:
        finding = _findings()[name]
        limits = self.plan.limits.get(name, finding.limits)
        try:
            return self.tracker.decide(finding, snapshot, limits, mutes)
        except Exception as defect:
            DEFECTS.note("judging", defect, server=self.plan.name, finding=name)
            return unknown(finding, snapshot.at, defect)

    async def _judge_all(self, given: dict[str, JudgeInput]) -> None:
        """Judge these in as many turns of the background thread as it takes."""
        while True:
            for name, verdict in (await in_background(self._decide_some, given)).items():
                self.late_news |= self._note(name, verdict)
                if self.waiting[name] is given.pop(name):  # else it has to be judged once more
                    del self.waiting[name]
            if not given:
                return

    def _decide_some(self, given: Mapping[str, JudgeInput]) -> dict[str, Verdict]:
        """In the background thread: learn what long answers teach, and judge until a turn of the
        thread is over; at least one finding is judged."""
        began, found = time.monotonic(), dict[str, Verdict]()
        self.recorder.catch_up()
        for name, (snapshot, mutes) in given.items():
            views = self.recorder.late_views(snapshot.at)
            found[name] = self._decide(name, snapshot.with_histories(views), mutes)
            if time.monotonic() - began > TURN:
                break
        return found

    async def _judge_aside(self) -> None:
        try:
            while self.waiting or self.recorder.is_behind:
                await self._judge_all(dict(self.waiting))
        finally:
            self.at_work = None

    def newly_measured(self) -> Iterator[tuple[AnyCollector, tuple[Any, ...]]]:
        """Return all rows of each collector of which a finding has measured some anew."""
        for collector, names in _measurers().items():
            told = {name: v for name in names if (v := self.verdicts.get(name))}
            if any(self.measured.get(name) != verdict.at for name, verdict in told.items()):
                self.measured |= {name: verdict.at for name, verdict in told.items()}
                yield collector, tuple(chain.from_iterable(v.measured for v in told.values()))

    async def settled(self) -> None:
        """Wait until background judging has finished."""
        while self.at_work:
            await asyncio.wait({self.at_work})

    def retune(self, plan: WatchPlan) -> None:
        """Use other limits and timing from now on."""
        self.plan, self.tracker.timing = plan, plan.timing

    def forget_cases(self) -> None:
        """Drop all verdicts, because they were about another server."""
        self.tracker.files.clear()

    def end_sessions(self, node: ServerIdentity) -> None:
        """Drop the cases that can't survive a restart of the server."""
        self.tracker.end_sessions(_findings().values(), node)

    def _log_defects(self, server: str) -> None:
        while self.tracker.defects:  # one by one: the background thread may add to them
            finding, defect = self.tracker.defects.pop(0)
            DEFECTS.note("judge", defect, server=server, finding=finding.name)
        while self.recorder.defects:
            history, defect = self.recorder.defects.pop(0)
            DEFECTS.note("history", defect, server=server, history=history)


def unknown(finding: AnyFinding, at: float, defect: Exception) -> Verdict:
    """Return the verdict where a defect hides what was known."""
    reason = f"a defect in pgvigil: {place_of(defect)}"
    return Verdict(finding, State.unknown, at, unjudged=(Unjudged(reason),), changed=at)


def _findings() -> Mapping[str, AnyFinding]:
    return findings_about(Kind.postgres)


@of_catalogue
@cache
def _readers() -> Mapping[AnyCollector, frozenset[str]]:
    """The names of the findings that are judged anew when a collector has answered."""
    readers = defaultdict[AnyCollector, set[str]](set)
    for name, finding in _findings().items():
        for collector in _awaited(finding):
            readers[collector].add(name)
    return {collector: frozenset(names) for collector, names in readers.items()}


def _awaited(finding: AnyFinding) -> Iterator[AnyCollector]:
    """Yield the collectors whose news can change the verdict.

    What answers each second is no reason to judge anew what it only explains, nor rows that come
    every half minute or more rarely; for a review, nor those of every 15 seconds.
    """
    often = (Lane.fast,) if finding.is_review else (Lane.fast, Lane.normal)
    is_often = finding.reads[0].lane in often
    for collector in finding.reads:
        if is_often or collector.lane is not Lane.fast:
            yield collector
    reads_fast = any(collector.lane is Lane.fast for collector in finding.reads)
    for collector in finding.consults:
        if reads_fast or collector.lane is not Lane.fast:
            yield collector


@of_catalogue
@cache
def _measurers() -> Mapping[AnyCollector, tuple[str, ...]]:
    """The names of the findings that measure rows of each collector."""
    found = defaultdict[AnyCollector, list[str]](list)
    for name, finding in _findings().items():
        if finding.measures is not None:
            found[finding.measures].append(name)
    return {collector: tuple(names) for collector, names in found.items()}


@dataclass(frozen=True, slots=True)
class LongInput:
    """Part of a finding's input that may be long."""

    answers: tuple[AnyCollector, ...]
    """Whose answers may be of database size."""
    learned_from: tuple[AnyCollector, ...]
    """Collectors that a history learns from in the background thread."""
    measured: AnyCollector | None
    """Where it calculates for long: the collector whose rows it measures by."""


@of_catalogue
@cache
def _long_inputs() -> Mapping[str, LongInput]:
    return {name: _long_input(finding) for name, finding in _findings().items()}


def _long_input(finding: AnyFinding) -> LongInput:
    """What is read in each database may have a row for each table: a flaw that all of them share,
    as where each customer has a schema."""
    late = (kind for kind in finding.history if kind.home is HomeThread.background)
    given = (*finding.reads, *finding.consults) if finding.is_review else finding.reads
    return LongInput(
        tuple(one for one in given if one.bulk or one.scope is Scope.database),
        tuple(kind.collectors[0] for kind in late),
        None if finding.measures is None else finding.reads[0],
    )


def reads_much(name: str, snapshot: Snapshot) -> bool:
    """Whether it calculates for long, goes through a long answer, or asks what is learned in the
    background thread."""
    given, answers = _long_inputs()[name], snapshot.answers
    if given.measured in answers:
        return True
    if any(one in answers for one in given.learned_from):
        return True
    return any(one in answers and len(answers[one].rows) > LARGE for one in given.answers)


def _log_end(work: "asyncio.Task[None]") -> None:
    if not work.cancelled() and (defect := work.exception()):
        log.error("judging broke", exc_info=defect)
