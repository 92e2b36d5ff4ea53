"""Which rows of an answer make one series: each its own, but partitions that of their parent."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from collectors._base import AnyCollector, AnyMetric, Bound, Histogram, Sample
from collectors._columns import column

Key = tuple[Hashable, ...]
Group = str | None
OTHER = "other"
Masks = Mapping[Group, bytes]
"""By group, for each row whether it is meant."""


@dataclass(frozen=True, slots=True)
class Units:
    """The rows of one answer with, for each, the key of its unit and the group that it is in."""

    bound: Bound
    rows: Sequence[Any]
    keys: Sequence[Key]
    groups: Sequence[Group]
    parts: Mapping[Key, Sequence[int]]
    """Where the rows are of units that are a whole with parts."""

    @classmethod
    def of(cls, collector: AnyCollector, bound: Bound, rows: Sequence[Any]) -> "Units":
        of_parts = [bound.whole[name] for name in collector.key if name in bound.whole]
        roots = column(rows, of_parts[0]) if of_parts else []
        own = [column(rows, name) for name in collector.key]
        whole = dict(zip(collector.key, own, strict=True))
        if any(root is not None for root in roots):
            for name, root in bound.whole.items():
                if name in whole:
                    pairs = zip(column(rows, root), whole[name], strict=True)
                    whole[name] = [mine if its is None else its for its, mine in pairs]
        keys: list[Key] = list(zip(*whole.values(), strict=True)) if own else [()] * len(rows)
        inside = bound.within in getattr(collector.row, "__dataclass_fields__", {})
        groups: Sequence[Group] = column(rows, bound.within) if inside else [None] * len(rows)
        return cls(bound, rows, keys, groups, _parts(keys, roots))

    def known(self) -> set[Group]:
        return set(self.groups)

    def ranked(self, group: Group, most: int) -> list[Key]:
        """The keys of a group, largest first; in any order where all of them are wanted."""
        ranks: dict[Key, float] = {}
        sizes = column(self.rows, self.bound.rank)
        for key, where, size in zip(self.keys, self.groups, sizes, strict=True):
            if where == group:
                ranks[key] = ranks.get(key, 0.0) + (-1.0 if size is None else float(size))
        if len(ranks) <= most:
            return list(ranks)
        return sorted(ranks, key=ranks.__getitem__, reverse=True)

    def rest(self, kept: Mapping[Group, Collection[Key]]) -> Masks:
        """The rows whose unit is not kept, in each group that is known."""
        return {
            group: bytes(
                where == group and key not in keys
                for key, where in zip(self.keys, self.groups, strict=True)
            )
            for group, keys in kept.items()
        }

    def where(self, wanted: Collection[Key]) -> list[Any]:
        """The rows of these units."""
        places = [place for place, key in enumerate(self.keys) if key in wanted]
        if len(places) == len(self.rows):
            return list(self.rows)
        return [self.rows[place] for place in places]

    def sums(self, metric: AnyMetric, masks: Masks) -> dict[Group, float]:
        """The sum of that metric over the meant rows: by group, or None if it names no group."""
        by_group = self.bound.within in metric.labels
        sums: dict[Group, float] = {}
        for group, mask in masks.items():
            values = list(self._values(metric, mask))
            if values:  # where none is known the sum is not 0 either
                into = group if by_group else None
                sums[into] = sums.get(into, 0) + sum(values)
        return sums

    def _values(self, metric: AnyMetric, mask: bytes) -> Iterator[float]:
        if metric.column:
            return numbers(compress(column(self.rows, metric.column), mask))
        samples = metric.samples(list(compress(self.rows, mask)))
        return numbers(value for _, value in samples)

    def part_values(self, metric: AnyMetric, key: Key) -> list[float]:
        """That metric of each part of a whole, as far as known."""
        rows = [self.rows[place] for place in self.parts[key]]
        return list(numbers(value for _, value in metric.samples(rows)))

    def label_values(self, metric: AnyMetric, key: Key) -> tuple[str | None, ...]:
        """The labels of a whole, as any part of it names them."""
        part = self.rows[self.parts[key][0]]
        return tuple(self._of_whole(part, label) for label in metric.labels)

    def _of_whole(self, row: Any, label: str) -> str | None:
        of_whole = getattr(row, self.bound.whole[label]) if label in self.bound.whole else None
        value: str | None = getattr(row, label) if of_whole is None else of_whole
        return value


def _parts(keys: Sequence[Key], roots: Iterable[object]) -> dict[Key, list[int]]:
    wholes = {key for key, root in zip(keys, roots, strict=False) if root is not None}
    parts: dict[Key, list[int]] = {key: [] for key in wholes}
    if wholes:
        for place, key in enumerate(keys):
            if key in wholes:
                parts[key].append(place)
    return parts


def numbers(values: Iterable[Any]) -> Iterator[float]:
    return (value for value in values if value is not None and not isinstance(value, Histogram))


def other(metric: AnyMetric, within: str, group: Group, value: float) -> Sample:
    """The sample of those that have no series of their own."""
    return tuple(group if label == within else OTHER for label in metric.labels), value
