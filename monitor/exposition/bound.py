"""Bounds the series of one collector: the largest rows stay, the rest is summed as `other`."""

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from collectors._base import Bound, Collector, Histogram, Metric, Sample

OTHER = "other"
K = TypeVar("K", bound=Hashable)
Group = str | None


def sticky(ranked: Sequence[K], before: Collection[K], top: int) -> set[K]:
    """The first `top`, except that those near the border stay on the side where they were."""
    slack = top // 4
    certain = ranked[: top - slack]
    border = ranked[top - slack : top + slack]
    chosen = [*certain, *sorted(border, key=lambda key: key not in before)]
    return set(chosen[:top])


@dataclass(slots=True)
class Tally:
    """The `other` of one counter. It grows by what its rows grew, so it never falls."""

    total: float = 0
    last: float = 0
    """The sum of its rows when they were last looked at."""

    def grow(self, now: float) -> None:
        self.total += max(0, now - self.last)


@dataclass(slots=True)
class Bounded:
    """Remembers which rows of a collector had series of their own, and what the others did."""

    collector: Collector[Any]
    bound: Bound
    kept: dict[Group, set[Hashable]] = field(default_factory=dict)
    tallies: dict[tuple[int, Group], Tally] = field(default_factory=dict)

    def split(self, rows: Sequence[Any]) -> tuple[list[Any], list[list[Sample]], int]:
        """The rows with series of their own, per metric the samples of `other`, how many it sums.

        What the others of the last time did since then is counted before anybody changes
        sides; so one number per counter is enough to remember.
        """
        self._account(self._rest(rows))
        self.kept = {group: self._largest(group, of) for group, of in self._groups(rows).items()}
        self.tallies = {of: t for of, t in self.tallies.items() if of[1] in {None, *self.kept}}
        rest = self._rest(rows)
        self._remember(rest)
        others = [self._others(place, rest) for place in range(len(self.collector.metrics))]
        if not rest:
            return list(rows), others, 0
        kept = [row for row in rows if self._is_kept(row)]
        return kept, others, len(rest)

    def _largest(self, group: Group, rows: list[Any]) -> set[Hashable]:
        key_of = self.collector.key_of
        if len(rows) > self.bound.top:
            rows = sorted(rows, key=self._rank, reverse=True)
        ranked = [key_of(row) for row in rows]
        return sticky(ranked, self.kept.get(group, ()), self.bound.top)

    def _rank(self, row: Any) -> float:
        value = getattr(row, self.bound.rank)
        return -1.0 if value is None else float(value)

    def _rest(self, rows: Iterable[Any]) -> list[Any]:
        """Rows without series of their own, in groups that are known."""
        return [row for row in rows if self._group(row) in self.kept and not self._is_kept(row)]

    def _is_kept(self, row: Any) -> bool:
        return self.collector.key_of(row) in self.kept.get(self._group(row), ())

    def _group(self, row: Any) -> Group:
        return getattr(row, self.bound.within, None)

    def _groups(self, rows: Iterable[Any]) -> dict[Group, list[Any]]:
        groups: dict[Group, list[Any]] = {}
        for row in rows:
            groups.setdefault(self._group(row), []).append(row)
        return groups

    def _account(self, rest: list[Any]) -> None:
        for place, metric in self._counters():
            for group, now in self._sums(metric, rest).items():
                self.tallies.setdefault((place, group), Tally()).grow(now)

    def _remember(self, rest: list[Any]) -> None:
        for place, metric in self._counters():
            sums = self._sums(metric, rest)
            for group in sums:
                self.tallies.setdefault((place, group), Tally())
            for (of, group), tally in self.tallies.items():
                if of == place:
                    tally.last = sums.get(group, 0)

    def _counters(self) -> Iterable[tuple[int, Metric[Any]]]:
        return ((n, m) for n, m in enumerate(self.collector.metrics) if m.type == "counter")

    def _others(self, place: int, rest: list[Any]) -> list[Sample]:
        metric = self.collector.metrics[place]
        if metric.type == "counter":
            sums = {
                group: tally.total for (of, group), tally in self.tallies.items() if of == place
            }
        else:
            sums = self._sums(metric, rest) if metric.additive else {}
        return [(self._labels(metric, group), value) for group, value in sums.items()]

    def _sums(self, metric: Metric[Any], rows: list[Any]) -> dict[Group, float]:
        if not rows:
            return {}
        at = metric.labels.index(self.bound.within) if self.bound.within in metric.labels else None
        sums: dict[Group, float] = {}
        for labels, value in metric.samples(rows):
            if value is not None and not isinstance(value, Histogram):
                group = None if at is None else labels[at]
                sums[group] = sums.get(group, 0) + value
        return sums

    def _labels(self, metric: Metric[Any], group: Group) -> tuple[str | None, ...]:
        within = self.bound.within
        return tuple(group if label == within else OTHER for label in metric.labels)
