"""Ranges of tables: together they are all tables, and none twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collectors._base import ALL
from monitor.polling.oid_ranges import between


@given(st.sets(st.integers(1, ALL[1] - 1), max_size=20))
def test_ranges_leave_nothing_out_and_take_nothing_twice(cuts: set[int]) -> None:
    """Each begins right after the one before; the first and the last are open to new tables."""
    ranges = between(sorted(cuts))
    assert (ranges[0][0], ranges[-1][1]) == ALL
    assert all(after[0] == before[1] + 1 for before, after in pairwise(ranges))
    assert len(ranges) == len(cuts) + 1


def test_a_small_database_is_one_range() -> None:
    """It is asked once."""
    assert between([]) == [ALL]
