"""Bound on the series of a collector: the largest objects keep theirs, the others are summed."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from collectors._base import AnyCollector, AnyMetric, Bound, Sample
from monitor.exposition.rollup import AnswerObjects, Group, Key, RowMasks, other

K = TypeVar("K", bound=Hashable)


def sticky(ranked: Sequence[K], before: Collection[K], top: int) -> set[K]:
    """Choose the first `top`, with hysteresis: keys near the border keep their previous side."""
    slack = top // 4
    certain = ranked[: top - slack]
    border = ranked[top - slack : top + slack]
    chosen = [*certain, *sorted(border, key=lambda key: key not in before)]
    return set(chosen[:top])


def fair_share(sizes: Iterable[int], top: int) -> int:
    """Return the limit for each size so that together they are at most `top`; small ones fit."""
    ascending = sorted(sizes)
    left = top
    for position, size in enumerate(ascending):
        share = left // (len(ascending) - position)
        if size > share:
            return share
        left -= size
    return top


@dataclass(slots=True)
class RunningTotal:
    """Counter for the sum of many rows. It adds only growth, so it never falls."""

    value: float = 0
    last: float = 0
    """The sum of the rows at the last update."""

    def grow(self, now: float) -> None:
        self.value += max(0, now - self.last)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of an answer with their own series, and the sums of the others."""

    kept: Sequence[Any]
    """Rows with their own series."""
    sums: list[list[Sample]]
    """For each metric, the samples of partitioned parents and of `other`."""
    left_out: int
    """Number of rows without their own series."""


@dataclass(slots=True)
class TopN:
    """State of a bounded collector: the objects with their own series, and totals of the others."""

    collector: AnyCollector
    bound: Bound
    kept: dict[Group, set[Key]] = field(default_factory=dict)
    single_keys: set[Key] = field(default_factory=set)
    """Kept keys that are not partitioned parents."""
    other_totals: dict[tuple[int, Group], RunningTotal] = field(default_factory=dict)
    parent_totals: dict[tuple[int, Key], RunningTotal] = field(default_factory=dict)

    def split(self, rows: Sequence[Any], top: int | None = None) -> Selection:
        """Select the rows with their own series, and sum the others.

        Growth of the others is counted before any row changes sides, so one number for each
        counter is enough.
        """
        objects = AnswerObjects.of(self.collector, self.bound, rows)
        most = self.bound.top if top is None else top
        self._account(objects, objects.rest(self.kept))
        self.kept = {
            group: sticky(objects.ranked(group, most), self.kept.get(group, ()), most)
            for group in objects.known()
        }
        rest = objects.rest(self.kept)
        self._remember(objects, rest)
        self.single_keys = {
            key for keys in self.kept.values() for key in keys
        } - objects.partitions.keys()
        single = objects.where(self.single_keys)
        whole = [key for keys in self.kept.values() for key in keys & objects.partitions.keys()]
        metrics = enumerate(self.collector.metrics)
        sums = [
            [*self._parents(n, m, objects, whole), *self._others(n, m, objects, rest)]
            for n, m in metrics
        ]
        return Selection(single, sums, len(rows) - len(single) - len(whole))

    def single(self, rows: Sequence[Any]) -> list[Any]:
        """Return the rows whose objects have their own series since the last selection."""
        return [row for row in rows if self.collector.key_of(row) in self.single_keys]

    def _account(self, objects: AnswerObjects, rest: RowMasks) -> None:
        for index, metric in self._counters():
            for group, now in objects.sums(metric, rest).items():
                self.other_totals.setdefault((index, group), RunningTotal()).grow(now)

    def _remember(self, objects: AnswerObjects, rest: RowMasks) -> None:
        self.other_totals = {
            of: t for of, t in self.other_totals.items() if of[1] in {None, *self.kept}
        }
        for index, metric in self._counters():
            sums = objects.sums(metric, rest)
            for group in sums:
                self.other_totals.setdefault((index, group), RunningTotal())
            for (of, group), total in self.other_totals.items():
                if of == index:
                    total.last = sums.get(group, 0)

    def _counters(self) -> Iterable[tuple[int, AnyMetric]]:
        return ((n, m) for n, m in enumerate(self.collector.metrics) if m.type == "counter")

    def _others(
        self, index: int, metric: AnyMetric, objects: AnswerObjects, rest: RowMasks
    ) -> Iterable[Sample]:
        if metric.type == "counter":
            sums = {
                group: total.value
                for (of, group), total in self.other_totals.items()
                if of == index
            }
        else:
            sums = objects.sums(metric, rest) if metric.additive else {}
        return (other(metric, self.bound.within, group, value) for group, value in sums.items())

    def _parents(
        self, index: int, metric: AnyMetric, objects: AnswerObjects, keys: Sequence[Key]
    ) -> Iterable[Sample]:
        """Yield samples of partitioned parents. Counters use running totals, because partitions are
        dropped; a time is the latest of all partitions."""
        totals = {}
        for key in keys:
            values = objects.partition_values(metric, key)
            value = sum(values) if metric.additive and values else max(values, default=None)
            if metric.type == "counter":
                now = sum(values)
                total = totals[index, key] = self.parent_totals.get((index, key)) or RunningTotal(
                    0, now
                )
                total.grow(now)
                total.last, value = now, total.value
            yield objects.label_values(metric, key), value
        if metric.type == "counter":
            self.parent_totals = {
                of: t for of, t in self.parent_totals.items() if of[0] != index
            } | totals
