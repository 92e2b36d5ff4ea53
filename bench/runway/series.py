"""Connections that are drawn: waves, weekends, deploys, bursts and restarts, with a leak or not."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from alerts.history.samples import DAY, MINUTE


@dataclass(frozen=True, slots=True)
class Shape:
    """Parameters of one server's connections; a leak of 0 is an honest server."""

    seed: int
    slots: int
    level: float
    wave: float
    weekend: float
    noise: float
    bursts: float
    """A day."""
    burst: float
    deploys: float
    """A day: for some minutes old and new instances run side by side."""
    restarts: float
    """A day."""
    leak: float = 0.0
    """Connections a minute."""
    leak_from: float = 0.0
    """Seconds since the beginning."""


def honest(seed: int) -> Shape:
    """A server whose connections rise and fall, and never run out."""
    random = Random(seed)
    slots = random.choice((97, 197, 297, 497, 997))
    level = slots * random.uniform(0.1, 0.45)
    return Shape(
        seed=seed,
        slots=slots,
        level=level,
        wave=level * random.uniform(0.1, 0.7),
        weekend=random.uniform(0.2, 1.0),
        noise=level * random.uniform(0.01, 0.08),
        bursts=random.uniform(0, 30),
        burst=slots * random.uniform(0.05, 0.25),
        deploys=random.uniform(0, 4),
        restarts=random.choice((0.0, 0.0, 0.2, 1.0)),
    )


def leaking(seed: int) -> Shape:
    """The same, with a leak that begins on the second day."""
    random = Random(seed + 1_000_000)
    shape = honest(seed)
    pace = shape.slots * math.exp(random.uniform(math.log(0.0015), math.log(0.02)))
    return replace(shape, restarts=0.0, leak=pace, leak_from=DAY + random.uniform(0, DAY))


def connections(shape: Shape, days: float, pace: float = 15.0) -> Iterator[tuple[float, float]]:
    """Yield time and number of client sessions, until the slots are full."""
    random = Random(shape.seed)
    drift, leaked = 0.0, 0.0
    burst_until, burst_size, deploy_until, deploy_share = 0.0, 0.0, 0.0, 0.0
    restarted, phase = -float(DAY), random.uniform(0, 2 * math.pi)
    steps = round(days * DAY / pace)
    for step in range(steps):
        at = step * pace
        day_of_week = int(at // DAY) % 7
        share = shape.weekend if day_of_week >= 5 else 1.0
        base = shape.level + shape.wave * math.sin(2 * math.pi * at / DAY + phase) * share
        drift = 0.98 * drift + random.gauss(0, shape.noise * 0.2) * random.choice((1, 1, 1, 3))
        if random.random() < shape.bursts * pace / DAY:
            burst_until = at + random.uniform(MINUTE / 2, 8 * MINUTE)
            burst_size = shape.burst * random.uniform(0.3, 1.0)
        if random.random() < shape.deploys * pace / DAY:
            deploy_until = at + random.uniform(5, 40) * MINUTE
            deploy_share = random.uniform(0.2, 1.0)
        if random.random() < shape.restarts * pace / DAY:
            restarted = at
        value = base + drift
        if at < burst_until:
            value += burst_size
        if at < deploy_until:
            value += deploy_share * shape.level * min(1.0, (deploy_until - at) / (10 * MINUTE))
        if at < restarted + 30 * MINUTE:
            value *= 0.1 + 0.9 * (at - restarted) / (30 * MINUTE)
        if shape.leak and at > shape.leak_from:
            leaked += shape.leak * pace / MINUTE * random.uniform(0.5, 1.5)
        value = max(1.0, value + leaked)
        if value >= shape.slots:
            if shape.leak and leaked:
                yield at, float(shape.slots)
                return
            value = shape.slots - 1.0
        yield at, round(value)
