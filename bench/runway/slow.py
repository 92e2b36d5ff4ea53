"""Slow walls that are drawn: sequences and sizes over months, which run out or do not."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from alerts.history.samples import DAY, HOUR

DAYS = 150
"""Days of each series."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Parameters of one number that grows towards a limit of 1."""

    seed: int
    begin: float
    a_day: float
    weekend: float
    """Share of a workday's growth."""
    night: float
    """Share of the day's growth."""
    noise: float
    load_days: tuple[int, ...]
    """Days with one bulk load."""
    load: float
    stops: int
    """The day from which on nothing is written any more; after the end: never."""


def drawn(seed: int, *, runs_out: bool) -> Growth:
    """Draw one that is full within half a year after 120 days, or not within two years."""
    random = Random(seed + 7_000_000 * runs_out)
    begin = random.uniform(0.05, 0.45)
    if runs_out:
        a_day = (1 - begin) / random.uniform(110, 250)
        stops = DAYS + 1
    else:
        a_day = (1 - begin) / math.exp(random.uniform(math.log(800), math.log(20_000)))
        stops = random.choice((DAYS + 1, DAYS + 1, random.randrange(20, DAYS)))
    loads = tuple(sorted(random.randrange(DAYS) for _ in range(random.choice((0, 0, 1, 2, 4)))))
    return Growth(
        seed=seed,
        begin=begin,
        a_day=a_day,
        weekend=random.choice((1.0, 0.3, 0.0)),
        night=random.uniform(0.0, 1.0),
        noise=random.uniform(0.05, 0.8),
        load_days=loads,
        load=random.uniform(0.01, 0.1) if not runs_out else 0.01,
        stops=stops,
    )


def hours(growth: Growth) -> Iterator[tuple[float, float]]:
    """Yield the value at the end of each hour, until it is full."""
    random = Random(growth.seed)
    value = growth.begin
    whole = 1 / (5 / 7 + 2 / 7 * growth.weekend)
    for hour in range(DAYS * 24):
        day, of_day = divmod(hour, 24)
        busy = 1.0 if 8 <= of_day < 20 else growth.night
        share = busy / (12 + 12 * growth.night)
        if day % 7 >= 5:
            share *= growth.weekend
        pace = growth.a_day * whole * share * max(0.0, random.gauss(1, growth.noise))
        value += pace if day < growth.stops else 0.0
        if of_day == 3:
            value += growth.load * growth.load_days.count(day)
        if value >= 1:
            return
        yield (hour + 1) * HOUR, value


def end(growth: Growth) -> float:
    """Return by when it would be full at its true mean pace, in seconds; far off if it stopped."""
    known = list(hours(growth))
    last_at, last = known[-1]
    if len(known) < DAYS * 24:
        return last_at
    if growth.stops <= DAYS:
        return math.inf
    return last_at + (1 - last) / growth.a_day * DAY
