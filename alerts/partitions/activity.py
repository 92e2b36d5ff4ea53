"""Activity in the partitions of each table: scans of all alike, and inserts."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alerts.history.kind import SingleHistory
from alerts.history.memory import Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_tables import user_tables

HOUR = 3600.0
READ = (
    "datname",
    "relid",
    "root_relid",
    "relkind",
    "stats_reset",
    "seq_scan",
    "idx_scan",
    "n_tup_ins",
)
Root = tuple[str, int]
OF_CHANCE = 1 / (1 - 2 / math.pi)
"""What independent scans differ by is their mean number (Poisson); those of the quieter half of the
partitions by a part of that, and this is its inverse."""
CERTAIN = 2.0
"""Standard errors that are left out of what seems to be common,"""
FEW = 5
"""and the number of steps from which that is enough: of fewer, those count that are exact."""


class Step(NamedTuple):
    """Activity in the partitions of one table between two answers."""

    at: float
    seconds: float
    leaves: int
    """Partitions that were there before and after."""
    least: int
    """Scans of the partition with the fewest."""
    most: int
    inserted: int
    common: float
    """Scans that went to all partitions at once, as an estimate at its lower end."""
    is_exact: bool
    """Whether the quieter half of the partitions was scanned equally often."""


@dataclass(frozen=True, slots=True)
class Activity:
    """The last hour of one table."""

    seconds: float
    leaves: int
    least_scans: int
    """Each partition was scanned at least this often."""
    most_scans: int
    """No partition was scanned more often."""
    inserted: int
    common_scans: int | None = None
    """Scans that went to all partitions at once; None: as many as the least. Lookups by a hash or a
    tenant are spread over partitions as evenly, but each of them by chance."""

    @property
    def scans_of_all(self) -> int:
        return self.least_scans if self.common_scans is None else self.common_scans

    @property
    def inserts_per_second(self) -> float:
        return self.inserted / self.seconds if self.seconds else 0.0


class Leaf(NamedTuple):
    epoch: object
    scans: int
    inserted: int


class PartitionActivity(SingleHistory[Mapping[Root, Activity]]):
    """By database and topmost partitioned table."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "PartitionActivityRecorder":
        return PartitionActivityRecorder()


class PartitionActivityRecorder:
    """Keeps the counters of the last answer, and an hour of steps of each table."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.leaves: dict[Root, Leaf] = {}
        self.at: float | None = None
        self.steps: dict[Root, deque[Step]] = {}
        self.seen: Mapping[Root, Activity] = {}

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        before, since = self.leaves, self.at
        self.leaves, self.at = {}, answer.at
        moved: dict[Root, list[tuple[int, int]]] = {}
        for root, key, leaf in _leaves(answer):
            self.leaves[key] = leaf
            old = before.get(key)
            if old and old.epoch == leaf.epoch and old.scans <= leaf.scans:
                inserted = max(0, leaf.inserted - old.inserted)
                moved.setdefault(root, []).append((leaf.scans - old.scans, inserted))
        if since is not None:
            for root, moves in moved.items():
                self._note(root, step_of(moves, answer.at, answer.at - since))
        self.steps = {root: steps for root, steps in self.steps.items() if root in moved}
        self.seen = {root: total(steps) for root, steps in self.steps.items()}

    def _note(self, root: Root, step: Step) -> None:
        steps = self.steps.setdefault(root, deque(maxlen=120))
        steps.append(step)
        while steps[0].at <= step.at - HOUR:
            steps.popleft()

    def view(self, at: float) -> Mapping[Root, Activity]:
        return self.seen


def _leaves(answer: AnyAnswer) -> Iterator[tuple[Root, Root, Leaf]]:
    """Read the packed columns: there may be a hundred thousand tables."""
    columns = zip(*(column(answer.rows, name) for name in READ), strict=True)
    for datname, relid, root, kind, epoch, seq, index, inserted in columns:
        if root is not None and kind == "r":
            yield (datname, root), (datname, relid), Leaf(epoch, seq + index, inserted)


def step_of(moves: Sequence[tuple[int, int]], at: float, seconds: float) -> Step:
    scans = [scanned for scanned, _ in moves]
    inserted = sum(count for _, count in moves)
    shared, is_exact = common(scans)
    return Step(at, seconds, len(moves), min(scans), max(scans), inserted, shared, is_exact)


def common(scans: Sequence[int]) -> tuple[float, bool]:
    """Estimate how many scans went to all partitions at once, and whether that is certain.

    A statement that is not pruned scans each partition equally often. Of the quieter half, which
    the partition of now is no part of, what differs beyond that is due to scans of single ones.
    """
    quiet = sorted(scans)[: max(2, len(scans) // 2)]
    if len(quiet) < 2:  # one partition: nothing is common
        return float(scans[0]), True
    mean = sum(quiet) / len(quiet)
    single = OF_CHANCE * sum((one - mean) ** 2 for one in quiet) / (len(quiet) - 1)
    error = single * math.sqrt(2 / (len(quiet) - 1))
    return max(0.0, mean - single - CERTAIN * error), quiet[0] == quiet[-1]


def total(steps: Sequence[Step]) -> Activity:
    counted = (step.common for step in steps if step.is_exact or len(steps) >= FEW)
    return Activity(
        sum(step.seconds for step in steps),
        min(step.leaves for step in steps),
        sum(step.least for step in steps),
        sum(step.most for step in steps),
        sum(step.inserted for step in steps),
        math.floor(sum(counted)),
    )


PARTITION_ACTIVITY = PartitionActivity()
