"""The ceiling of an estimate: never below it, and near enough to be of use."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.bloat import Column, Heap, HeapEstimate, estimate
from alerts.bloat.ceiling import ceiling

fixed = st.sampled_from([(1, "c"), (2, "s"), (4, "i"), (8, "d"), (16, "c")])
nulls = st.sampled_from([0.0, 0.02, 0.3, 0.95])


@st.composite
def columns(draw: st.DrawFn) -> Column:
    length, align = draw(fixed | st.just((-1, "i")))
    width = draw(st.integers(1, 1000)) if length < 0 else length
    name = draw(st.sampled_from(["text", "numeric", "bpchar"])) if length < 0 else "fixed"
    dropped = draw(st.booleans()) and draw(st.booleans())
    return Column(length, align, "x", False, dropped, False, name, -1, draw(nulls), width)


def heap(columns: list[Column], reltuples: float = 100_000.0, fillfactor: int = 100) -> Heap:
    return Heap(1, 2000, reltuples, fillfactor, tuple(columns), True, 0, 0, 0, 60.0)


@given(
    st.lists(columns(), max_size=8),
    st.integers(1, 500_000).map(float),
    st.sampled_from([100, 90, 70, 40]),
)
def test_no_estimate_is_above_it(columns: list[Column], reltuples: float, fillfactor: int) -> None:
    """Whatever columns a table has, what is not suspected could not have been bloated."""
    table = heap(columns, reltuples, fillfactor)
    found = estimate(table)
    assert isinstance(found, HeapEstimate)
    assert found.high <= max(0.0, ceiling(table) or 0.0)


def test_dense_rows_reach_it() -> None:
    """Without gaps between the values it is within a tenth of the estimate."""
    table = heap([Column(8, "d", "p", True, False, False, "int8", -1, 0.0, 8)] * 4)
    found = estimate(table)
    assert isinstance(found, HeapEstimate)
    assert 0 < (ceiling(table) or 0) - found.high < 0.1


def test_unknown_widths_have_none() -> None:
    """Without the widths of all columns nothing can be ruled out."""
    assert ceiling(heap([Column(-1, "i", "x", True, False, False, "text", -1, None, None)])) is None
    assert ceiling(heap([], reltuples=-1)) is None
