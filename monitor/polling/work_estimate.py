"""Work estimate: what a query costs the server, from what its rounds seemed to cost.

An answer that comes late has not cost more: the server has waited for a processor, or the answer
for the network or for us. So the estimate is the least of the last rounds, and a round that is far
above it counts only where nothing else explains it.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from monitor.reading import Cost

KEPT = 5
"""Number of rounds that an estimate is made of. Until there are as many, none is left out."""
DEAR, MARGIN = 2.0, 0.0005
"""A round is dear above this multiple of the estimate, and this many seconds."""
OURS = 0.002
"""Seconds beyond the CPU time of a process that we see which are not held to be its I/O."""
BELIEVED = 10
"""Dear rounds in a row, with no explanation, after which the query costs more indeed."""
PATIENCE = 900.0
"""Seconds of nothing but explained dear rounds after which the estimate is doubled."""


@dataclass(frozen=True, slots=True)
class WorkEstimate:
    """Estimated cost of one query, in seconds of the server's work."""

    kept: tuple[float, ...] = ()
    """What the last rounds seemed to cost; of a process that we see, beyond its CPU time."""
    runs: tuple[float, ...] = ()
    """CPU time of the last rounds, where we see the server's process."""
    dear: tuple[float, ...] = ()
    """Dear rounds in a row that nothing explains."""
    since: float = 0.0
    """Unix seconds when a round was kept last."""

    @property
    def seconds(self) -> float:
        return self.waiting + (sum(self.runs) / len(self.runs) if self.runs else 0.0)

    @property
    def waiting(self) -> float:
        """The part that is not known exactly; where CPU time is, that is waiting for I/O."""
        return min(self.kept, default=0.0)

    @property
    def is_provisional(self) -> bool:
        """Whether too few rounds are known to call another one dear."""
        return len(self.kept) < KEPT

    def is_dear(self, cost: Cost) -> bool:
        """Whether a round costs far more than those before."""
        return not self.is_provisional and _unsure(cost) > DEAR * self.waiting + MARGIN

    def keep(self, cost: Cost, now: float) -> "WorkEstimate":
        """Learn from a round that is not dear."""
        runs = self.runs if cost.run is None else (*self.runs, cost.run)[-KEPT:]
        return WorkEstimate((*self.kept, _unsure(cost))[-KEPT:], runs, (), now)

    def bound(self, cost: Cost, now: float) -> "WorkEstimate":
        """Learn from a round of a process that we see, on a busy machine.

        Its CPU time is exact. The rest has waited for a core and for us as well, so it says only
        that no more than that is waiting for I/O.
        """
        runs = self.runs if cost.run is None else (*self.runs, cost.run)[-KEPT:]
        least = min(self.waiting, _unsure(cost))
        return WorkEstimate((*self.kept, least)[-KEPT:], runs, (), now)

    def doubt(self, cost: Cost, now: float) -> "WorkEstimate":
        """Learn from a dear round that nothing explains: it is believed after some of them."""
        dear = (*self.dear, _unsure(cost))
        if len(dear) < BELIEVED:
            return replace(self, dear=dear)
        return replace(self, kept=dear[-KEPT:], dear=(), since=now)

    def leave_out(self, cost: Cost, now: float) -> "WorkEstimate":
        """Learn nothing from a dear round that is explained, unless there is nothing else."""
        if now - self.since < PATIENCE:
            return self
        most = min(_unsure(cost), DEAR * self.waiting + MARGIN)
        return replace(self, kept=(most,) * KEPT, dear=(), since=now)


def _unsure(cost: Cost) -> float:
    """The part of the work that other things may have caused."""
    return cost.work if cost.run is None else max(0.0, cost.work - cost.run - OURS)


@dataclass(slots=True)
class WorkEstimates:
    """The estimates of one server, and their sums over its databases."""

    known: dict[Hashable, dict[str | None, WorkEstimate]] = field(default_factory=dict)
    """By question, and by database; None: the server as a whole."""
    totals: dict[Hashable, float] = field(default_factory=dict)

    def of(self, question: Hashable, database: str | None = None) -> WorkEstimate:
        return self.known.get(question, {}).get(database) or WorkEstimate()

    def put(self, question: Hashable, database: str | None, estimate: WorkEstimate) -> None:
        before = self.of(question, database).seconds
        self.known.setdefault(question, {})[database] = estimate
        total = self.totals.get(question, 0.0) - before + estimate.seconds
        self.totals[question] = max(0.0, total)

    def drop(self, question: Hashable, database: str | None) -> None:
        """Forget a question in one database: it is asked in another way there."""
        if estimate := self.known.get(question, {}).pop(database, None):
            self.totals[question] = max(0.0, self.totals[question] - estimate.seconds)

    def forget(self, database: str) -> None:
        """Forget a database that no longer exists."""
        for question in self.known:
            self.drop(question, database)

    def total(self, question: Hashable) -> float:
        """Seconds of one round in all databases."""
        return self.totals.get(question, 0.0)
