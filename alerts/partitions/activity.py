"""Activity in the partitions of each table: scans of all alike, and inserts."""

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
    return Step(at, seconds, len(moves), min(scans), max(scans), inserted)


def total(steps: Sequence[Step]) -> Activity:
    return Activity(
        sum(step.seconds for step in steps),
        min(step.leaves for step in steps),
        sum(step.least for step in steps),
        sum(step.most for step in steps),
        sum(step.inserted for step in steps),
    )


PARTITION_ACTIVITY = PartitionActivity()
