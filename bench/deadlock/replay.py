"""Watches a film as pgvigil would have at some pace, and says when it would have warned."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.findings.deadlock_risk import Limits
from alerts.lock_order import Level, LockBook
from bench.deadlock.record import DEADLOCK_TIMEOUT, FRAME, Film, Frame
from collectors._base import Answer
from collectors.activity import activity
from collectors.locks import locks

CALM, HURRIED, HURRY = 1.0, 0.25, 10.0
"""Seconds: the fast lane's pace, its pace after it saw somebody wait, and how long it keeps it."""


@dataclass(frozen=True, slots=True)
class Pace:
    name: str
    seconds: float
    phases: int
    """So many moments to begin at."""
    hurries: bool = False
    """As the daemon does: slowly until somebody waits."""


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
    hinted: float | None
    """Both ways were seen, without proof that it can come to a deadlock."""
    closed: float | None
    """When the first circle closed."""
    end: float
    proofs: tuple[str, ...] = ()

    @property
    def in_time(self) -> bool:
        """Warned before the first deadlock closed; at all, where there was none."""
        return self.warned is not None and (self.closed is None or self.warned < self.closed)


def closed(film: Film) -> float | None:
    """When the first circle was there: seen on film, or deadlock_timeout before its victim died."""
    book = _book(film)
    for frame in film.frames:
        _show(book, frame)
        if book.captures.kept:
            return frame.at
    return None if film.died is None else film.died - DEADLOCK_TIMEOUT


def watch(film: Film, pace: Pace, phase: int, closing: float | None) -> Watched:
    book, warned, hinted = _book(film), None, None
    proofs: tuple[str, ...] = ()
    for frame in frames(film, pace, phase):
        _show(book, frame)
        risks = book.orders.risks(frame.at)
        ill = [risk for risk in risks if risk.level is Level.opposed]
        disordered = book.batches.disorders(Limits().batches, frame.at)
        if warned is None and (ill or disordered):
            warned = frame.at
            proofs = (*(s.proof for r in ill for s in r.sightings), *("batch" for _ in disordered))
        if hinted is None and risks:
            hinted = frame.at
    return Watched(warned, hinted, closing, film.seconds, proofs)


def frames(film: Film, pace: Pace, phase: int) -> Iterator[Frame]:
    due, hurry_until = phase * pace.seconds / pace.phases, -1.0
    for frame in film.frames:
        if frame.at + FRAME / 2 >= due:
            yield frame
            if pace.hurries and any(not lock.granted for lock in frame.locks):
                hurry_until = frame.at + HURRY
            step = HURRIED if pace.hurries and frame.at < hurry_until else pace.seconds
            due = max(due + step, frame.at + step / 2)


def _book(film: Film) -> LockBook:
    book = LockBook()
    for collector, rows in film.names.items():
        book.take(collector, Answer(rows, 0.0))
    return book


def _show(book: LockBook, frame: Frame) -> None:
    book.take(activity, Answer(frame.sessions, frame.at))
    book.take(locks, Answer(frame.locks, frame.at))
