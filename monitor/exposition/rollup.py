"""Roll-up of partitions into their parent, and sums over groups of rows."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from collectors._base import AnyCollector, AnyMetric, Bound, Histogram, Sample
from collectors._columns import column

Key = tuple[Hashable, ...]
Group = str | None
OTHER = "other"
RowMasks = Mapping[Group, bytes]
"""For each group, a byte for each row: 1 if the row is selected."""


@dataclass(frozen=True, slots=True)
class AnswerObjects:
    """Objects of one answer: each row is an object, except that partitions belong to their parent.

    `keys` and `groups` have, for each row, the key of its object and its group (the database).
    """

    bound: Bound
    rows: Sequence[Any]
    keys: Sequence[Key]
    groups: Sequence[Group]
    partitions: Mapping[Key, Sequence[int]]
    """Indexes of the rows of each partitioned parent."""

    @classmethod
    def of(cls, collector: AnyCollector, bound: Bound, rows: Sequence[Any]) -> "AnswerObjects":
        root_columns = [bound.whole[name] for name in collector.key if name in bound.whole]
        roots = column(rows, root_columns[0]) if root_columns else []
        own = [column(rows, name) for name in collector.key]
        columns = dict(zip(collector.key, own, strict=True))
        if any(root is not None for root in roots):
            for name, root in bound.whole.items():
                if name in columns:
                    pairs = zip(column(rows, root), columns[name], strict=True)
                    columns[name] = [mine if its is None else its for its, mine in pairs]
        keys: list[Key] = list(zip(*columns.values(), strict=True)) if own else [()] * len(rows)
        inside = bound.within in getattr(collector.row, "__dataclass_fields__", {})
        groups: Sequence[Group] = column(rows, bound.within) if inside else [None] * len(rows)
        return cls(bound, rows, keys, groups, _partitions(keys, roots))

    def known(self) -> set[Group]:
        return set(self.groups)

    def ranked(self, group: Group, most: int) -> list[Key]:
        """Return the keys of a group, largest first; unsorted if there are no more than `most`."""
        ranks: dict[Key, float] = {}
        sizes = column(self.rows, self.bound.rank)
        for key, where, size in zip(self.keys, self.groups, sizes, strict=True):
            if where == group:
                ranks[key] = ranks.get(key, 0.0) + (-1.0 if size is None else float(size))
        if len(ranks) <= most:
            return list(ranks)
        return sorted(ranks, key=ranks.__getitem__, reverse=True)

    def rest(self, kept: Mapping[Group, Collection[Key]]) -> RowMasks:
        """Select the rows whose object is not kept, in each group."""
        return {
            group: bytes(
                where == group and key not in keys
                for key, where in zip(self.keys, self.groups, strict=True)
            )
            for group, keys in kept.items()
        }

    def where(self, wanted: Collection[Key]) -> list[Any]:
        """Return the rows of these objects."""
        indexes = [index for index, key in enumerate(self.keys) if key in wanted]
        if len(indexes) == len(self.rows):
            return list(self.rows)
        return [self.rows[index] for index in indexes]

    def sums(self, metric: AnyMetric, masks: RowMasks) -> dict[Group, float]:
        """Sum a metric over the selected rows, by group; under None if it has no group label."""
        by_group = self.bound.within in metric.labels
        sums: dict[Group, float] = {}
        for group, mask in masks.items():
            values = list(self._values(metric, mask))
            if values:  # the sum of unknown values is unknown, not 0
                into = group if by_group else None
                sums[into] = sums.get(into, 0) + sum(values)
        return sums

    def _values(self, metric: AnyMetric, mask: bytes) -> Iterator[float]:
        if metric.column:
            return numbers(compress(column(self.rows, metric.column), mask))
        samples = metric.samples(list(compress(self.rows, mask)))
        return numbers(value for _, value in samples)

    def partition_values(self, metric: AnyMetric, key: Key) -> list[float]:
        """Return the known values of a metric for the partitions of a parent."""
        rows = [self.rows[index] for index in self.partitions[key]]
        return list(numbers(value for _, value in metric.samples(rows)))

    def label_values(self, metric: AnyMetric, key: Key) -> tuple[str | None, ...]:
        """Return the labels of a partitioned parent, taken from one of its partitions."""
        row = self.rows[self.partitions[key][0]]
        return tuple(self._of_parent(row, label) for label in metric.labels)

    def _of_parent(self, row: Any, label: str) -> str | None:
        of_parent = getattr(row, self.bound.whole[label]) if label in self.bound.whole else None
        value: str | None = getattr(row, label) if of_parent is None else of_parent
        return value


def _partitions(keys: Sequence[Key], roots: Iterable[object]) -> dict[Key, list[int]]:
    parents = {key for key, root in zip(keys, roots, strict=False) if root is not None}
    partitions: dict[Key, list[int]] = {key: [] for key in parents}
    if parents:
        for index, key in enumerate(keys):
            if key in parents:
                partitions[key].append(index)
    return partitions


def numbers(values: Iterable[Any]) -> Iterator[float]:
    return (value for value in values if value is not None and not isinstance(value, Histogram))


def other(metric: AnyMetric, within: str, group: Group, value: float) -> Sample:
    """Return the sample for the rows without their own series."""
    return tuple(group if label == within else OTHER for label in metric.labels), value
