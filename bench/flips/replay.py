"""Replay: days made of the recorded windows of a real server, judged as the daemon judges."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from random import Random
from typing import Any

from alerts.findings.queries.query_regression import Limits
from alerts.snapshot import Snapshot
from bench.flips.judged import ASKED, DAY, WINDOW, Judged, since
from bench.flips.plans_seen import PlansSeen
from bench.flips.recording import COUNTERS, ROWS, TIMES, Key, Recording, Window
from collectors._base import Answer, AnyCollector
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables

BEGIN = 1_900_000_000.0
NAMES = {name: [field.name for field in fields(row)] for name, row in ROWS.items()}
VALUES = {name: attrgetter(*names) for name, names in NAMES.items()}
PLACES = {name: [NAMES[name].index(one) for one in own] for name, own in COUNTERS.items()}
"""Of the counters in a row."""
TIME_PLACES = [NAMES[user_tables.name].index(one) for one in TIMES]
LEARNED = 30
"""Windows before anything is counted."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was told of these days."""

    days: float = 0.0
    windows: int = 0
    """Recorded ones, of which the days are made."""
    statements: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    """How often without another plan, by the mood in which it was and the cause."""
    flipped: Mapping[str, int] = field(default_factory=dict)
    """The same of statements whose plan is another one than in the hour before the change."""

    @property
    def false(self) -> int:
        return sum(self.told.values())

    @property
    def true(self) -> int:
        return sum(self.flipped.values())


def replayed(
    recording: Recording, limits: Limits, version: int, seed: int, days: float
) -> Replayed:
    """Replay that number of days; the weights of moods are those with which they were recorded."""
    wanted = int(days * DAY / WINDOW)
    windows = drawn(recording.pieces, Random(seed), LEARNED + wanted)
    return _counted(_Replay(recording, Judged(version, limits)), windows)


def in_order(recording: Recording, limits: Limits, version: int) -> Replayed:
    """Replay the windows once, in the order in which they were recorded."""
    windows = ((mood, window) for mood, piece in recording.pieces for window in piece)
    return _counted(_Replay(recording, Judged(version, limits)), windows)


def _counted(replay: "_Replay", windows: Iterable[tuple[str, Window]]) -> Replayed:
    told, flipped, number = Counter[str](), Counter[str](), 0
    for number, (mood, window) in enumerate(windows, 1):
        before = dict(replay.judged.ill)
        replay.pass_by(window)
        if number > LEARNED:
            for key in replay.judged.ill.keys() - before.keys():
                what = f"{mood}: {replay.judged.ill[key].facts['cause']}"
                (flipped if replay.has_flipped(key) else told)[what] += 1
    return Replayed(
        max(0, number - LEARNED) * WINDOW / DAY,
        sum(len(piece) for _, piece in replay.recording.pieces),
        len(replay.rows[stat_statements.name]),
        dict(told),
        dict(flipped),
    )


def drawn(
    pieces: Sequence[tuple[str, Sequence[Window]]], random: Random, count: int
) -> Iterator[tuple[str, Window]]:
    """Yield windows with their moods: whole pieces in any order, so that each keeps its course."""
    whole = [(mood, windows) for mood, windows in pieces if windows]
    left = count if whole else 0
    while left > 0:
        mood, windows = random.choice(whole)
        yield from ((mood, window) for window in windows[:left])
        left -= len(windows)


@dataclass
class _Replay:
    """The counters of the recorded server."""

    recording: Recording
    judged: Judged
    at: float = BEGIN
    totals: dict[str, dict[Key, list[float]]] = field(default_factory=dict)
    rows: dict[str, dict[Key, Any]] = field(default_factory=dict)
    plans: PlansSeen = field(default_factory=PlansSeen)
    snapshot: Snapshot | None = None

    def __post_init__(self) -> None:
        for name, rows in self.recording.first.items():
            self.rows[name], columns = dict(rows), COUNTERS[name]
            self.totals[name] = {
                key: [getattr(row, column) or 0 for column in columns] for key, row in rows.items()
            }

    def pass_by(self, window: Window) -> None:
        """Let the counters grow as in this window, and judge them."""
        self.at += WINDOW
        self.plans.note(self.at, window.plans)
        answers = dict[AnyCollector, Answer[Any]]()
        for collector in ASKED:
            name = collector.name
            if name in COUNTERS:
                self._grow(name, window)
                rows = list(self.rows[name].values())
            elif collector is statement_texts:
                is_first = self.at == BEGIN + WINDOW
                rows = list(self.recording.texts.values()) if is_first else []
            else:
                rows = list(self.recording.constant[name])
            answers[collector] = Answer(rows, self.at)
            self.judged.learn(collector, answers[collector])
        self.snapshot = self.judged.judge(answers, self.at)

    def has_flipped(self, query_id: int) -> bool:
        """Whether its plan is another one than within the hour before it became dearer."""
        text = self.recording.texts.get(query_id)
        return self.plans.has_flipped(text.query or "" if text else "", self._since(query_id))

    def _since(self, query_id: int) -> float:
        """Return when a statement that is told of became dearer."""
        return self.at if self.snapshot is None else since(self.snapshot, query_id)

    def _grow(self, name: str, window: Window) -> None:
        """Add what has grown, and take what else the rows say from the window."""
        columns, rows, totals = COUNTERS[name], self.rows[name], self.totals[name]
        grown, changed = window.grown[name], window.rows[name]
        for key in changed.keys() | grown.keys():
            row = changed.get(key) or rows[key]
            old = totals.get(key) or [0] * len(columns)
            steps = grown.get(key) or [0] * len(columns)
            totals[key] = [a + b for a, b in zip(old, steps, strict=True)]
            rows[key] = self._made(name, row, totals[key], window)

    def _made(self, name: str, row: Any, counts: Sequence[float], window: Window) -> Any:
        """Return a row with other counters, and its times by the clock of the replay."""
        values = list(VALUES[name](row))
        for place, count in zip(PLACES[name], counts, strict=True):
            values[place] = count
        for place in TIME_PLACES if name == user_tables.name else ():
            if values[place] is not None:
                values[place] += self.at - window.at
        return ROWS[name](*values)
