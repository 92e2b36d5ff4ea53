"""What is remembered of past answers, as far as some finding declared that it wants it."""

import json
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from sys import intern

from alerts.history.counters import CounterWindow, Delta, difference
from alerts.history.kinds import Crossings, History, LastSeen, LockOrder, Unchanged, Window
from alerts.history.memory import Memory, Namespace
from alerts.locks.order import LockStore
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import Columns, column

Key = tuple[Hashable, ...]
Steps = deque[tuple[float, float]]
LARGE = 500
"""Rows; an answer with more of them is not looked through in the event loop."""
STEPS = 4096
"""A trail is thinned beyond so many steps; its older half loses every other one."""


@dataclass(frozen=True, slots=True)
class UnchangedFor:
    """How long a counter has not moved; unless it once moved, that is known since we watch only."""

    seconds: float
    since: float
    moved: bool


@dataclass(frozen=True, slots=True)
class Crossed:
    """How long ago a value was passed; not exact where memory does not reach back that far."""

    seconds: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Disappeared:
    """How long somebody has not been there any more, and how long it was there before."""

    seconds: float
    stayed: float


@dataclass(frozen=True, slots=True, eq=False)
class UnchangedForKeys(Mapping[Key, UnchangedFor]):
    """Per key, read from memory when somebody asks: there may be very many."""

    memory: Memory
    place: Namespace
    now: float

    def __getitem__(self, key: Key) -> UnchangedFor:
        match self.memory.get(self.place, json.dumps(key)):
            case [_, float(since) | int(since), moved, _]:
                return UnchangedFor(self.now - since, since, bool(moved))
            case _:
                raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        return (tuple(json.loads(key)) for key, _ in self.memory.items(self.place))

    def __len__(self) -> int:
        return sum(1 for _ in self.memory.items(self.place))


@dataclass(slots=True)
class Recorder:
    """Everything remembered of one server."""

    wants: tuple[History, ...] = ()
    memory: Memory = field(default_factory=Memory)
    cluster: str = ""
    server: str = ""
    rings: dict[AnyCollector, dict[Key, CounterWindow]] = field(default_factory=dict)
    trails: dict[tuple[AnyCollector, str], Steps] = field(default_factory=dict)
    lock_store: LockStore = field(default_factory=LockStore)
    large: dict[AnyCollector, AnyAnswer] = field(default_factory=dict)
    """Long answers, until somebody has the time: see `catch_up`."""

    def record(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        """Take note of an answer, as far as anybody wants it."""
        if any(isinstance(want, LockOrder) for want in self.wants):
            self.lock_store.take(collector, answer)
        if is_large(answer):
            self.large[collector] = answer
        else:
            self._note_down(collector, answer)

    def catch_up(self) -> None:
        """Take note of long answers; for a thread that keeps nobody waiting."""
        while self.large:
            self._note_down(*self.large.popitem())

    def _note_down(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        wants = [w for w in self.wants if not isinstance(w, LockOrder) and w.collector is collector]
        spans = [want.span.total_seconds() for want in wants if isinstance(want, Window)]
        if spans:  # one ring serves them all
            self._record_window(collector, answer, max(spans))
        for want in dict.fromkeys(wants):
            match want:
                case Unchanged():
                    self._record_stillness(want, answer)
                case LastSeen():
                    self._record_presence(want, answer)
                case Crossings():
                    self._record_trail(want, answer)

    def restart(self) -> None:
        """Another server answers now: what was counted on the old one says nothing of this one."""
        self.rings, self.trails = {}, {}
        self.lock_store = LockStore()

    def delta(self, collector: AnyCollector, window: timedelta, now: float) -> dict[Key, Delta]:
        seconds = window.total_seconds()
        rings = self.rings.get(collector, {})
        return {key: ring.over(collector.counters, seconds, now) for key, ring in rings.items()}

    def step(self, collector: AnyCollector) -> dict[Key, Delta]:
        names = collector.counters
        return {
            key: difference(names, ring.before, ring.samples[-1], True, ring.samples[-1][0])
            for key, ring in self.rings.get(collector, {}).items()
            if ring.before
        }

    def quiet(self, collector: AnyCollector, column: str, now: float) -> Mapping[Key, UnchangedFor]:
        return UnchangedForKeys(self.memory, self._place(collector, column), now)

    def passed(
        self, collector: AnyCollector, column: str, value: float, now: float
    ) -> Crossed | None:
        trail = self.trails.get((collector, column))
        if not trail or trail[-1][1] <= value:
            return None
        first = next(i for i, (_, reached) in enumerate(trail) if reached > value)
        return Crossed(max(0.0, now - trail[first][0]), exact=first > 0)

    def gone(
        self, collector: AnyCollector, column: str, newest: float, now: float
    ) -> dict[str, Disappeared]:
        known = self._presences(collector, column)
        return {
            name: Disappeared(now - last, last - first)
            for name, first, last in known
            if last < newest
        }

    def _record_window(self, collector: AnyCollector, answer: AnyAnswer, span: float) -> None:
        rings = self.rings.setdefault(collector, {})
        seen = set()
        counters = [column(answer.rows, name) for name in collector.counters]
        for key, epoch, *values in zip(*_known_by(collector, answer), *counters, strict=True):
            if None not in values:
                seen.add(key)
                rings.setdefault(key, CounterWindow()).add(answer.at, tuple(values), epoch, span)
        for gone in rings.keys() - seen:
            del rings[gone]

    def _record_stillness(self, want: Unchanged, answer: AnyAnswer) -> None:
        collector, place = want.collector, self._place(want.collector, want.column)
        seen = set()
        values = column(answer.rows, want.column)
        for one, epoch, value in zip(*_known_by(collector, answer), values, strict=True):
            key = json.dumps(one)
            seen.add(key)
            if value is not None:
                self._note(place, key, value, answer.at, intern(str(epoch)))
        if not answer.missing:
            self._forget(place, seen)

    def _note(self, place: Namespace, key: str, value: float, at: float, epoch: str) -> None:
        old = self.memory.get(place, key)
        if not isinstance(old, list) or old[3] != epoch or value < old[0]:  # type: ignore[operator]
            self.memory.put(place, key, [value, at, False, epoch])
        elif value > old[0]:  # type: ignore[operator]
            self.memory.put(place, key, [value, at, True, epoch])

    def _forget(self, place: Namespace, seen: Iterable[str]) -> None:
        kept = set(seen)
        for key, _ in self.memory.items(place):
            if key not in kept:
                self.memory.forget(place, key)

    def _record_presence(self, want: LastSeen, answer: AnyAnswer) -> None:
        place = self._place(want.collector, f"{want.column}.presence")
        known = {name: first for name, first, _ in self._presences(want.collector, want.column)}
        for name in {getattr(row, want.column) for row in answer.rows}:
            self.memory.put(place, name, [known.get(name, answer.at), answer.at])
        for name, _, last in list(self._presences(want.collector, want.column)):
            if answer.at - last > want.span.total_seconds():
                self.memory.forget(place, name)

    def _presences(
        self, collector: AnyCollector, column: str
    ) -> Iterator[tuple[str, float, float]]:
        """Each name with when it was first and last there."""
        for name, value in self.memory.items(self._place(collector, f"{column}.presence")):
            first, last = value  # type: ignore[misc, str-unpack]
            yield name, first, last  # type: ignore[misc]

    def _record_trail(self, want: Crossings, answer: AnyAnswer) -> None:
        if len(answer.rows) != 1:
            return
        value = getattr(answer.rows[0], want.column)
        if value is None:
            return
        trail = self.trails.setdefault((want.collector, want.column), deque())
        if trail and value < trail[-1][1]:
            trail.clear()
        if not trail or value > trail[-1][1]:
            trail.append((answer.at, value))
        if len(trail) > STEPS:
            steps = list(trail)
            trail.clear()
            trail.extend(steps[: STEPS // 2 : 2] + steps[STEPS // 2 :])

    def _place(self, collector: AnyCollector, column: str) -> Namespace:
        return Namespace(self.cluster, self.server, f"{collector.name}.{column}")


def is_large(answer: AnyAnswer) -> bool:
    """Whether looking through it all takes longer than others should wait."""
    return isinstance(answer.rows, Columns) and len(answer.rows) > LARGE


def _known_by(collector: AnyCollector, answer: AnyAnswer) -> tuple[Iterable[Key], Sequence[object]]:
    """Of all rows, the keys, and what changes when their counters start anew."""
    rows = answer.rows
    named = [column(rows, name) for name in collector.key]
    # One row about the server as a whole has no key, and is known by that.
    keys: Iterable[Key] = zip(*named, strict=True) if named else [()] * len(rows)
    return keys, column(rows, collector.epoch) if collector.epoch else [None] * len(rows)
