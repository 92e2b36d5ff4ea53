"""Watches a film as pgvigil would have at some pace, and says when it would have warned.

Nothing is imitated: the rows are those of the daemon's own queries, and they go through its own
memory (`Recorder`) to the judge of `deadlock_risk` with the limits that it is shipped with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from alerts._base import Evidence, Severity
from alerts.findings.locks.deadlock_risk import finding
from alerts.history.recorder import Recorder
from alerts.locks.order import LOCK_ORDER, NAMING
from alerts.snapshot import ServerIdentity, Snapshot
from bench.deadlock.record import CALM, FRAME, HURRY, Film, Frame, Names
from collectors._base import Answer, AnyAnswer, AnyCollector
from collectors.activity import activity
from collectors.held_rows import held_rows
from collectors.locks import any_waiting, locks
from collectors.open_transactions import open_transactions
from monitor.polling.glance import APART

DEADLOCK_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of one run. Seconds since the workload began; None: never."""

    warned: float | None
    """When it was warned of what the workload does wrong."""
    closed: float | None
    """When the first circle closed."""
    met: float | None
    """When a session was first seen to wait for a lock."""
    warnings: tuple[tuple[str, str], ...] = ()
    """Subjects of all warnings until the end of the film, each with its proof."""
    hints: frozenset[str] = frozenset()
    """All that was told of as information only."""
    photographed: bool = False
    told: float | None = None
    """When it was told of, as a warning or as information."""


@dataclass(slots=True)
class Watcher:
    """The memory of one daemon, and its judge."""

    recorder: Recorder = field(default_factory=lambda: Recorder(finding.history))

    def look(self, frame: Frame) -> list[Evidence]:
        by_name = {collector.name: collector for collector in NAMING}
        for name, rows in frame.names.items():
            self.recorder.record(by_name[name], Answer(rows, frame.at))
        answers: dict[AnyCollector, AnyAnswer] = {
            activity: Answer(frame.sessions, frame.at),
            locks: Answer(frame.locks, frame.at),
        }
        for collector, answer in answers.items():
            self.recorder.record(collector, answer)
        if frame.transactions:
            self.recorder.record(open_transactions, Answer(frame.transactions, frame.at))
        if frame.held:
            self.recorder.record(held_rows, Answer(frame.held, frame.at))
        views = self.recorder.views(frame.at)
        snapshot = Snapshot(ServerIdentity("film"), frame.at, answers, histories=views)
        found = finding.judge(snapshot, finding.limits)
        return [one for one in found if isinstance(one, Evidence)]


def watch(film: Film, is_right: Callable[[str], bool], daemon: bool = False) -> Watched:
    """The whole film, or as the daemon: slowly until a session waits."""
    watcher = Watcher()
    warned: float | None = None
    told: float | None = None
    met: float | None = None
    closed = film.died and film.died - DEADLOCK_TIMEOUT
    warnings: dict[str, str] = {}
    hints: set[str] = set()
    photographed = False
    for frame in in_rhythm(film) if daemon and not film.rhythm else film.frames:
        if met is None and any(not lock.granted for lock in frame.locks):
            met = frame.at
        for evidence in watcher.look(frame):
            right = is_right(evidence.subject)
            told = frame.at if told is None and right else told
            if evidence.severity is Severity.info:
                hints.add(evidence.subject)
                continue
            warnings.setdefault(evidence.subject, str(evidence.facts.get("proved_by", "")))
            warned = frame.at if warned is None and right else warned
        learned = watcher.recorder.view(LOCK_ORDER, frame.at)
        if learned and learned.captures and not photographed:
            photographed = True
            captives = learned.captures[-1].captives
            closed = frame.at - min(captive.waited_seconds for captive in captives)
    seen = tuple(sorted(warnings.items()))
    return Watched(warned, closed, met, seen, frozenset(hints), photographed, told)


def in_rhythm(film: Film) -> Iterator[Frame]:
    """What the daemon would have seen; names come with the first look after they were read."""
    due, glance, hurry_until = 0.0, float("inf"), -1.0
    names: Names = {}
    for frame in film.frames:
        names = frame.names or names
        is_glance = frame.at + FRAME / 2 >= glance
        if is_glance:
            glance = float("inf")
        if frame.at + FRAME / 2 >= due or (is_glance and any_waiting(frame.sessions)):
            yield replace(frame, names=names)
            names = {}
            if any(not lock.granted for lock in frame.locks):
                hurry_until = frame.at + HURRY
            due = frame.at + (FRAME if frame.at < hurry_until else CALM)
            glance = frame.at + APART
