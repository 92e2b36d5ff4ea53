"""Watches a film as pgvigil would have at some pace, and says when it would have warned.

Nothing is imitated: the rows are those of the daemon's own queries, and they go through its own
memory (`Recollection`) to the judge of `deadlock_risk` with the limits that it is shipped with.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from alerts._base import Evidence, Severity
from alerts.findings.locks.deadlock_risk import finding
from alerts.history.recorder import Recorder
from alerts.locks.order import LOCK_ORDER
from alerts.snapshot import ServerIdentity, Snapshot
from bench.deadlock.record import FRAME, Film, Frame, Names
from collectors._base import Answer, AnyAnswer, AnyCollector
from collectors.activity import activity
from collectors.locks import locks
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

CALM, HURRIED, HURRY = 1.0, 0.25, 10.0
"""Seconds: the fast lane's pace, its pace after it saw somebody wait, and how long it keeps it."""
NAMING = {collector.name: collector for collector in (user_tables, user_indexes)}
DEADLOCK_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    name: str
    seconds: float
    phases: int
    """So many moments to begin at."""
    hurries: bool = False
    """As the daemon does: slowly until somebody waits."""


EVERY = Pace("every 50 ms", 0.0, 1)
PACES = (
    Pace("1 s", 1.0, 5),
    Pace("250 ms", 0.25, 5),
    Pace("100 ms", 0.1, 2),
    Pace("as the daemon", CALM, 5, hurries=True),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What one sampler saw in one run. Seconds since the workload began; None: never."""

    warned: float | None
    closed: float | None
    """When the first circle closed."""
    subjects: frozenset[str] = frozenset()
    """All that was warned of until the end of the film."""
    hints: frozenset[str] = frozenset()
    """All that was told of as information only."""
    proofs: tuple[str, ...] = ()
    """Of the first warning."""

    @property
    def in_time(self) -> bool:
        """Warned before the first deadlock closed; at all, where there was none."""
        return self.warned is not None and (self.closed is None or self.warned < self.closed)


@dataclass(slots=True)
class Watcher:
    """The memory of one daemon, and its judge."""

    recorder: Recorder = field(default_factory=lambda: Recorder(finding.history))

    def look(self, frame: Frame) -> list[Evidence]:
        for name, rows in frame.names.items():
            self.recorder.record(NAMING[name], Answer(rows, frame.at))
        answers: dict[AnyCollector, AnyAnswer] = {
            activity: Answer(frame.sessions, frame.at),
            locks: Answer(frame.locks, frame.at),
        }
        for collector, answer in answers.items():
            self.recorder.record(collector, answer)
        views = self.recorder.views(frame.at)
        snapshot = Snapshot(ServerIdentity("film"), frame.at, answers, histories=views)
        found = finding.judge(snapshot, finding.limits)
        return [one for one in found if isinstance(one, Evidence)]


def closed(film: Film) -> float | None:
    """When the first circle closed: with the last wait in it, as PostgreSQL timed that wait."""
    watcher = Watcher()
    for frame in film.frames:
        watcher.look(frame)
        learned = watcher.recorder.view(LOCK_ORDER, frame.at)
        if learned and learned.captures:
            captives = learned.captures[-1].captives
            return frame.at - min(captive.waited_seconds for captive in captives)
    return None if film.died is None else film.died - DEADLOCK_TIMEOUT


def watch(film: Film, pace: Pace, phase: int, closing: float | None) -> Watched:
    watcher = Watcher()
    warned: float | None = None
    proofs: tuple[str, ...] = ()
    told: dict[Severity, set[str]] = {severity: set() for severity in Severity}
    for frame in frames(film, pace, phase):
        for evidence in watcher.look(frame):
            told[evidence.severity].add(evidence.subject)
            if warned is None and evidence.severity is not Severity.info:
                warned = frame.at
                proofs = (str(evidence.facts.get("proved_by", "directions")),)
    hints = frozenset(told.pop(Severity.info))
    return Watched(warned, closing, frozenset().union(*told.values()), hints, proofs)


def frames(film: Film, pace: Pace, phase: int) -> Iterator[Frame]:
    """What this watcher would have seen; names come with the first look after they were read."""
    due, hurry_until = phase * pace.seconds / max(1, pace.phases), -1.0
    names: Names = {}
    for frame in film.frames:
        names = frame.names or names
        if frame.at + FRAME / 2 >= due:
            yield replace(frame, names=names)
            names = {}
            if pace.hurries and any(not lock.granted for lock in frame.locks):
                hurry_until = frame.at + HURRY
            step = HURRIED if pace.hurries and frame.at < hurry_until else pace.seconds
            due = max(due + step, frame.at + step / 2)
