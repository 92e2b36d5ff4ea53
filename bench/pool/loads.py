"""Loads, drawn with a seed: how transactions arrive, and how long each holds a connection."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from alerts.pooler.queueing import Load


@dataclass(frozen=True, slots=True)
class DrawnLoad:
    """Transactions that arrive at random at a pool of that size. Times are seconds."""

    kind: str
    size: int
    arrivals: float
    service: float
    draw: Callable[[random.Random], float]
    """One service time."""

    @property
    def used(self) -> float:
        """Share of the pool that is busy on average."""
        return Load(self.arrivals, self.service).busy / self.size


def equal(mean: float) -> Callable[[random.Random], float]:
    return lambda _: mean


def exponential(mean: float) -> Callable[[random.Random], float]:
    return lambda dice: dice.expovariate(1 / mean)


def two_kinds(mean: float, share: float, factor: float) -> Callable[[random.Random], float]:
    """Return times of a mix: a share of transactions takes `factor` times as long as the rest."""
    short = mean / (1 - share + share * factor)
    return lambda dice: short * (factor if dice.random() < share else 1.0)


def drawn(seed: int) -> tuple[DrawnLoad, ...]:
    """Return three loads, one of each kind, of other sizes and rates with each seed."""
    dice = random.Random(seed)
    found = []
    for kind in ("equal", "exponential", "two kinds"):
        size, mean = dice.randint(2, 8), dice.uniform(0.02, 0.06)
        used = dice.uniform(0.6, 0.85)
        draws = {
            "equal": equal(mean),
            "exponential": exponential(mean),
            "two kinds": two_kinds(mean, dice.uniform(0.05, 0.2), dice.uniform(4, 10)),
        }
        found.append(DrawnLoad(kind, size, used * size / mean, mean, draws[kind]))
    return tuple(found)
