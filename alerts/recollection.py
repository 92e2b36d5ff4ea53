"""What is remembered of past answers, as far as some finding declared that it wants it."""

import json
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alerts.history import History, Presence, Stillness, Trail, Window
from alerts.memory import Memory, Place
from collectors._base import Answer, Collector

Key = tuple[Hashable, ...]
SAMPLES = 60
"""A window is kept in at most so many samples, whatever its span."""
STEPS = 4096
"""A trail is thinned beyond so many steps; its older half loses every other one."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The increase of each counter of one key over the true seconds between two answers."""

    increase: Mapping[str, float]
    seconds: float
    full: bool
    """Whether the whole window was seen."""
    until: float
    """When it will be full (unix seconds)."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """How long a counter has not moved; unless it once moved, that is known since we watch only."""

    seconds: float
    since: float
    moved: bool


@dataclass(frozen=True, slots=True)
class Passed:
    """How long ago a value was passed; not exact where memory does not reach back that far."""

    seconds: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """How long somebody has not been there any more, and how long it was there before."""

    seconds: float
    stayed: float


@dataclass(slots=True)
class Ring:
    """Samples of one key's counters; a fall or a new epoch empties it."""

    epoch: object = None
    samples: deque[tuple[float, tuple[float, ...]]] = field(default_factory=deque)
    before: tuple[float, tuple[float, ...]] | None = None
    """The answer before the newest, which thinning may have taken out of the samples."""

    def add(self, at: float, values: tuple[float, ...], epoch: object, span: float) -> None:
        newest = self.samples[-1] if self.samples else None
        if newest and (
            epoch != self.epoch or any(v < w for v, w in zip(values, newest[1], strict=True))
        ):
            self.samples.clear()
            newest = None
        self.epoch, self.before = epoch, newest
        if len(self.samples) > 1 and at - self.samples[-2][0] < span / SAMPLES:
            self.samples.pop()
        self.samples.append((at, values))
        while len(self.samples) > 2 and self.samples[1][0] <= at - span:
            self.samples.popleft()

    def over(self, names: tuple[str, ...], window: float, now: float) -> Delta:
        oldest = next(
            s for s in reversed(self.samples) if s[0] <= now - window or s is self.samples[0]
        )
        newest = self.samples[-1]
        return _delta(
            names, oldest, newest, newest[0] - oldest[0] >= window * 0.95, oldest[0] + window
        )


def _delta(
    names: tuple[str, ...],
    old: tuple[float, tuple[float, ...]],
    new: tuple[float, tuple[float, ...]],
    full: bool,
    until: float,
) -> Delta:
    increase = {name: b - a for name, a, b in zip(names, old[1], new[1], strict=True)}
    return Delta(increase, new[0] - old[0], full, until)


@dataclass(slots=True)
class Recollection:
    """Everything remembered of one server."""

    wants: tuple[History, ...] = ()
    memory: Memory = field(default_factory=Memory)
    cluster: str = ""
    server: str = ""
    rings: dict[Collector[Any], dict[Key, Ring]] = field(default_factory=dict)
    trails: dict[tuple[Collector[Any], str], deque[tuple[float, float]]] = field(
        default_factory=dict
    )

    def record(self, collector: Collector[Any], answer: Answer[Any]) -> None:
        """Take note of an answer, as far as anybody wants it."""
        for want in self.wants:
            if want.collector is not collector:
                continue
            if isinstance(want, Window):
                self._record_window(want, answer)
            elif isinstance(want, Stillness):
                self._record_stillness(want, answer)
            elif isinstance(want, Presence):
                self._record_presence(want, answer)
            else:
                self._record_trail(want, answer)

    def restart(self) -> None:
        """Another server answers now: what was counted on the old one says nothing of this one."""
        self.rings.clear()
        self.trails.clear()

    def delta(self, collector: Collector[Any], window: timedelta, now: float) -> dict[Key, Delta]:
        seconds = window.total_seconds()
        rings = self.rings.get(collector, {})
        return {key: ring.over(collector.counters, seconds, now) for key, ring in rings.items()}

    def step(self, collector: Collector[Any]) -> dict[Key, Delta]:
        names = collector.counters
        return {
            key: _delta(names, ring.before, ring.samples[-1], True, ring.samples[-1][0])
            for key, ring in self.rings.get(collector, {}).items()
            if ring.before
        }

    def quiet(self, collector: Collector[Any], column: str, now: float) -> dict[Key, Quiet]:
        place = self._place(collector, column)
        found: dict[Key, Quiet] = {}
        for key, value in self.memory.items(place):
            _, since, moved, _ = value  # type: ignore[misc, str-unpack]
            found[tuple(json.loads(key))] = Quiet(now - since, since, bool(moved))  # type: ignore[operator,arg-type]
        return found

    def passed(
        self, collector: Collector[Any], column: str, value: float, now: float
    ) -> Passed | None:
        trail = self.trails.get((collector, column))
        if not trail or trail[-1][1] <= value:
            return None
        first = next(i for i, (_, reached) in enumerate(trail) if reached > value)
        return Passed(max(0.0, now - trail[first][0]), exact=first > 0)

    def gone(
        self, collector: Collector[Any], column: str, newest: float, now: float
    ) -> dict[str, Gone]:
        return {
            name: Gone(now - last, last - first)
            for name, first, last in self._presences(collector, column)
            if last < newest
        }

    def _record_window(self, want: Window, answer: Answer[Any]) -> None:
        collector, span = want.collector, want.span.total_seconds()
        rings = self.rings.setdefault(collector, {})
        seen = set()
        for row in answer.rows:
            key = collector.key_of(row)
            values = tuple(getattr(row, name) for name in collector.counters)
            if None not in values:
                seen.add(key)
                rings.setdefault(key, Ring()).add(answer.at, values, _epoch(collector, row), span)
        for gone in rings.keys() - seen:
            del rings[gone]

    def _record_stillness(self, want: Stillness, answer: Answer[Any]) -> None:
        collector, place = want.collector, self._place(want.collector, want.column)
        seen = set()
        for row in answer.rows:
            value = getattr(row, want.column)
            key = json.dumps(collector.key_of(row))
            seen.add(key)
            if value is not None:
                self._note(place, key, value, answer.at, str(_epoch(collector, row)))
        if not answer.missing:
            self._forget(place, seen)

    def _note(self, place: Place, key: str, value: float, at: float, epoch: str) -> None:
        old = self.memory.get(place, key)
        if not isinstance(old, list) or old[3] != epoch or value < old[0]:  # type: ignore[operator]
            self.memory.put(place, key, [value, at, False, epoch])
        elif value > old[0]:  # type: ignore[operator]
            self.memory.put(place, key, [value, at, True, epoch])

    def _forget(self, place: Place, seen: Iterable[str]) -> None:
        kept = set(seen)
        for key, _ in self.memory.items(place):
            if key not in kept:
                self.memory.forget(place, key)

    def _record_presence(self, want: Presence, answer: Answer[Any]) -> None:
        place = self._place(want.collector, f"{want.column}.presence")
        known = {name: first for name, first, _ in self._presences(want.collector, want.column)}
        for name in {getattr(row, want.column) for row in answer.rows}:
            self.memory.put(place, name, [known.get(name, answer.at), answer.at])
        for name, _, last in list(self._presences(want.collector, want.column)):
            if answer.at - last > want.span.total_seconds():
                self.memory.forget(place, name)

    def _presences(
        self, collector: Collector[Any], column: str
    ) -> Iterator[tuple[str, float, float]]:
        """Each name with when it was first and last there."""
        for name, value in self.memory.items(self._place(collector, f"{column}.presence")):
            first, last = value  # type: ignore[misc, str-unpack]
            yield name, first, last  # type: ignore[misc]

    def _record_trail(self, want: Trail, answer: Answer[Any]) -> None:
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

    def _place(self, collector: Collector[Any], column: str) -> Place:
        return Place(self.cluster, self.server, f"{collector.name}.{column}")


def _epoch(collector: Collector[Any], row: object) -> object:
    return getattr(row, collector.epoch) if collector.epoch else None
