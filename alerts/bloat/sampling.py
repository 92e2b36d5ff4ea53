"""Error of statistics that ANALYZE takes from a sample of the rows."""

from math import sqrt

ROWS_PER_TARGET = 300
"""ANALYZE reads this many rows, and at most as many pages, for each unit of the target."""
WELL = 30_000
"""Rows of the default statistics target, from which the error is below a percent."""
SIGMAS = 2.0
LONGEST_TAIL = 1.5
"""Standard deviation of the widths, as a share of their mean, that is allowed for."""
MODEL_ERROR = 0.01
"""Of the size after a rewrite: what the models leave out, such as the order of the rows."""


def sample_of(statistics_target: int) -> int:
    return ROWS_PER_TARGET * max(1, statistics_target)


def is_sampled_well(statistics_target: int, rows: float) -> bool:
    return sample_of(statistics_target) >= min(WELL, rows)


def mean_error(statistics_target: int, rows: float) -> float:
    """Return the largest likely error of a mean width, as a share of it."""
    return LONGEST_TAIL * _error(sample_of(statistics_target), rows)


def count_error(statistics_target: int, pages: float) -> float:
    """Return the largest likely error of the number of rows, as a share of it.

    It is counted on as many pages as rows are read; some may be full, and others empty.
    """
    return _error(sample_of(statistics_target), pages)


def _error(read: float, total: float) -> float:
    if read >= total:
        return 0.0
    return SIGMAS * sqrt((1.0 - read / total) / read)
