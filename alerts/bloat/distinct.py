"""Number of distinct values, corrected for the estimator of ANALYZE.

It computes `n d / (n - f1 + f1 n / N)` of d values in a sample of n rows, f1 of them met once. That
is right where all values are equally frequent, and too low where their frequencies differ.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from math import exp, expm1, floor, log1p, sqrt

REMEMBERED = 4000


class Frequencies(StrEnum):
    """Assumed distribution of the frequencies of values, which the statistics don't tell."""

    constant = "constant"
    """The same for all, as of two entries a booking; two numbers if the mean is not whole."""
    even = "even"
    """By chance: a Poisson distribution."""
    uneven = "uneven"
    """Many rare and some frequent ones: a geometric distribution."""
    skewed = "skewed"
    """Most are rare, and a few very frequent: a negative binomial distribution."""


SHAPE: Mapping[Frequencies, float] = {Frequencies.uneven: 1.0, Frequencies.skewed: 0.3}
"""Of the negative binomial distribution; the Poisson distribution is its limit."""


@lru_cache(maxsize=REMEMBERED)
def distinct_values(found: float, rows: float, sampled: float, kind: Frequencies) -> float:
    """Return the distinct values among the rows, of which a sample gave the number found."""
    if sampled >= rows or found >= rows or sampled <= 0:
        return min(found, rows)
    low, high = 1e-6, rows
    for _ in range(60):
        middle = sqrt(low * high)
        low, high = (middle, high) if _told(kind, middle, rows, sampled) > found else (low, middle)
    values, _ = met(kind, low)
    return max(1.0, min(rows, values * rows / low))


def _told(kind: Frequencies, rate: float, rows: float, sampled: float) -> float:
    """Return what ANALYZE is expected to tell of values with this mean frequency."""
    at_all, once = met(kind, rate, sampled / rows)
    values = rows / rate
    singles = values * once
    return sampled * values * at_all / (sampled - singles + singles * sampled / rows)


def met(kind: Frequencies, rate: float, share: float = 1.0) -> tuple[float, float]:
    """Return the probability that a value of this mean frequency occurs, and of once.

    That is in a sample of this share of the rows.
    """
    if kind is Frequencies.constant:
        return _met_of_constant(rate, share)
    found = rate * share
    if kind is Frequencies.even:
        return -expm1(-found), found * exp(-found)
    shape = SHAPE[kind]
    never = -shape * log1p(found / shape)
    return -expm1(never), found * exp(never) / (1.0 + found / shape)


def _met_of_constant(rate: float, share: float) -> tuple[float, float]:
    at_all = once = 0.0
    for rows, chance in whole_numbers(rate):
        missed = (1.0 - share) ** rows
        at_all += chance * (1.0 - missed)
        once += chance * rows * share * (1.0 - share) ** max(0, rows - 1)
    return at_all, once


def whole_numbers(mean: float) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return the two numbers around the mean, and the chance of each."""
    above = mean - floor(mean)
    return (floor(mean), 1.0 - above), (floor(mean) + 1, above)
