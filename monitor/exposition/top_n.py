"""Bounds the series of one collector: the largest rows stay, the rest is summed as `other`."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from collectors._base import AnyCollector, AnyMetric, Bound, Sample
from monitor.exposition.rollup import Group, Key, Masks, Units, other

K = TypeVar("K", bound=Hashable)


def sticky(ranked: Sequence[K], before: Collection[K], top: int) -> set[K]:
    """The first `top`, except that those near the border stay on the side where they were."""
    slack = top // 4
    certain = ranked[: top - slack]
    border = ranked[top - slack : top + slack]
    chosen = [*certain, *sorted(border, key=lambda key: key not in before)]
    return set(chosen[:top])


def level(sizes: Iterable[int], top: int) -> int:
    """How many of each may stay, so that all together are `top` at most: the small ones whole."""
    ascending = sorted(sizes)
    left = top
    for position, size in enumerate(ascending):
        share = left // (len(ascending) - position)
        if size > share:
            return share
        left -= size
    return top


@dataclass(slots=True)
class Tally:
    """A counter that stands for many rows. It grows by what they grew, so it never falls."""

    total: float = 0
    last: float = 0
    """The sum of its rows when they were last looked at."""

    def grow(self, now: float) -> None:
        self.total += max(0, now - self.last)


@dataclass(frozen=True, slots=True)
class Split:
    """What becomes of the rows of one answer."""

    kept: Sequence[Any]
    """Those with series of their own."""
    sums: list[list[Sample]]
    """Per metric: partitioned wholes, and `other`."""
    left_out: int
    """Rows without series of their own."""


@dataclass(slots=True)
class Bounded:
    """Remembers which rows of a collector had series of their own, and what the others did."""

    collector: AnyCollector
    bound: Bound
    kept: dict[Group, set[Key]] = field(default_factory=dict)
    alone: set[Key] = field(default_factory=set)
    """Those of them that are no whole with parts."""
    others: dict[tuple[int, Group], Tally] = field(default_factory=dict)
    wholes: dict[tuple[int, Key], Tally] = field(default_factory=dict)

    def split(self, rows: Sequence[Any], top: int | None = None) -> Split:
        """What the others of the last time did since then is counted before anybody changes
        sides; so one number per counter is enough to remember.
        """
        units = Units.of(self.collector, self.bound, rows)
        most = self.bound.top if top is None else top
        self._account(units, units.rest(self.kept))
        self.kept = {
            group: sticky(units.ranked(group, most), self.kept.get(group, ()), most)
            for group in units.known()
        }
        rest = units.rest(self.kept)
        self._remember(units, rest)
        self.alone = {key for keys in self.kept.values() for key in keys} - units.parts.keys()
        single = units.where(self.alone)
        whole = [key for keys in self.kept.values() for key in keys & units.parts.keys()]
        metrics = enumerate(self.collector.metrics)
        sums = [
            [*self._wholes(n, m, units, whole), *self._others(n, m, units, rest)]
            for n, m in metrics
        ]
        return Split(single, sums, len(rows) - len(single) - len(whole))

    def single(self, rows: Sequence[Any]) -> list[Any]:
        """Of other rows than those of the last split, the ones that it let have series."""
        return [row for row in rows if self.collector.key_of(row) in self.alone]

    def _account(self, units: Units, rest: Masks) -> None:
        for place, metric in self._counters():
            for group, now in units.sums(metric, rest).items():
                self.others.setdefault((place, group), Tally()).grow(now)

    def _remember(self, units: Units, rest: Masks) -> None:
        self.others = {of: t for of, t in self.others.items() if of[1] in {None, *self.kept}}
        for place, metric in self._counters():
            sums = units.sums(metric, rest)
            for group in sums:
                self.others.setdefault((place, group), Tally())
            for (of, group), tally in self.others.items():
                if of == place:
                    tally.last = sums.get(group, 0)

    def _counters(self) -> Iterable[tuple[int, AnyMetric]]:
        return ((n, m) for n, m in enumerate(self.collector.metrics) if m.type == "counter")

    def _others(self, place: int, metric: AnyMetric, units: Units, rest: Masks) -> Iterable[Sample]:
        if metric.type == "counter":
            sums = {group: tally.total for (of, group), tally in self.others.items() if of == place}
        else:
            sums = units.sums(metric, rest) if metric.additive else {}
        return (other(metric, self.bound.within, group, value) for group, value in sums.items())

    def _wholes(
        self, place: int, metric: AnyMetric, units: Units, keys: Sequence[Key]
    ) -> Iterable[Sample]:
        """A counter is tallied, as partitions are dropped; a time is the latest of all parts."""
        tallies = {}
        for key in keys:
            values = units.part_values(metric, key)
            value = sum(values) if metric.additive and values else max(values, default=None)
            if metric.type == "counter":
                now = sum(values)
                tally = tallies[place, key] = self.wholes.get((place, key)) or Tally(0, now)
                tally.grow(now)
                tally.last, value = now, tally.total
            yield units.label_values(metric, key), value
        if metric.type == "counter":
            self.wholes = {of: t for of, t in self.wholes.items() if of[0] != place} | tallies
