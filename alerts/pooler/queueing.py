"""Waiting for a pool by queueing theory: Erlang C, corrected by Allen and Cunneen.

Transactions arrive at random and each holds one of N connections for its service time. Erlang C is
exact where arrivals are Poisson and service times exponential; Allen and Cunneen scale its mean
wait by the mean of both squared coefficients of variation.
"""

from dataclasses import dataclass

MOST = 10_000
"""Connections beyond which no size is looked for."""


@dataclass(frozen=True, slots=True)
class Load:
    """Load that arrives at a pool."""

    arrivals: float
    """Transactions a second."""
    service: float
    """Mean seconds that a transaction holds a connection."""
    variation: float = 1.0
    """Squared coefficient of variation of the service times: 0 equal, 1 exponential."""
    burstiness: float = 1.0
    """The same of the times between arrivals: 1 at random."""

    @property
    def busy(self) -> float:
        """Connections that are in use on average, in Erlang."""
        return self.arrivals * self.service


def erlang_c(busy: float, size: int) -> float:
    """Return the probability that an arrival has to wait; 1 where the pool can't keep up."""
    if busy >= size:
        return 1.0
    # Erlang B by its recursion, which neither overflows nor needs factorials.
    blocked = 1.0
    for n in range(1, size + 1):
        blocked = busy * blocked / (n + busy * blocked)
    return size * blocked / (size - busy * (1 - blocked))


def mean_wait(load: Load, size: int) -> float:
    """Return the mean seconds that a transaction waits; infinite where the pool can't keep up."""
    if load.busy <= 0:
        return 0.0
    if load.busy >= size:
        return float("inf")
    wait = erlang_c(load.busy, size) * load.service / (size - load.busy)
    return wait * (load.variation + load.burstiness) / 2


def size_for(load: Load, wished: float) -> int | None:
    """Return the smallest pool with at most this mean wait in seconds; None: none is found."""
    size = max(1, int(load.busy) + 1)
    # The wait falls with the size, so the first that is short enough is the smallest.
    while size <= MOST:
        if mean_wait(load, size) <= wished:
            return size
        size += 1
    return None
