"""The heap model on made-up tables whose layout can be worked out with pencil and paper."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.bloat import Column, Confidence, Heap, HeapEstimate, NotEvaluated, estimate
from alerts.bloat.packing import largest_gap, rows_per_page, rows_per_page_refilled
from alerts.bloat.tuple_length import DRAWS, Nulls, Widths, tuple_lengths

INT = Column(4, "i", "p", True, False, False, "int4", -1, None, None)
BIGINT = replace(INT, attlen=8, attalign="d", typname="int8")
BOOL = replace(INT, attlen=1, attalign="c", typname="bool")
TEXT = Column(-1, "i", "x", True, False, False, "text", -1, 0.0, 20)
DROPPED = replace(TEXT, attisdropped=True, stanullfrac=None, stawidth=None)
# Three integers: 24 bytes of header and 12 of data make 40, and 4 for the pointer.
THREE_INTS = Heap(
    oid=16384,
    relpages=1000,
    reltuples=185_000,
    fillfactor=100,
    columns=(INT, INT, INT),
    statistics_readable=False,
    n_live_tup=185_000,
    n_dead_tup=0,
    n_mod_since_analyze=0,
    statistics_age_seconds=60.0,
)


def estimated(heap: Heap) -> HeapEstimate:
    result = estimate(heap)
    assert isinstance(result, HeapEstimate)
    return result


def refused(heap: Heap) -> NotEvaluated:
    result = estimate(heap)
    assert isinstance(result, NotEvaluated)
    return result


def lengths(*columns: Column, widths: Widths = Widths.constant) -> set[int]:
    return set(tuple_lengths(columns, widths, Nulls.independent, 1))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((), 24),
        ((INT, INT, INT), 40),
        ((BOOL, BIGINT), 40),
        ((BIGINT, BOOL), 40),
        ((BOOL, BIGINT, BOOL, BIGINT), 56),
        ((BOOL, replace(TEXT, stawidth=127)), 24 + 128),
        ((BOOL, replace(TEXT, stawidth=128)), 24 + 136),
        ((BOOL, replace(TEXT, stawidth=100, attstorage="p")), 24 + 104),
        ((BOOL, replace(TEXT, attlen=-2, attalign="c", stawidth=7)), 24 + 8),
        ((INT, DROPPED), 24 + 8),
        (tuple([BOOL] * 8 + [DROPPED]), 32 + 8),
        ((replace(INT, attnotnull=False, stanullfrac=1.0),), 24),
        ((INT, replace(TEXT, is_virtual=True, stawidth=None)), 24 + 8),
    ],
)
def test_length_on_disk(columns: tuple[Column, ...], expected: int) -> None:
    """Alignment, short headers, null bitmap and dropped columns cost what they cost on disk."""
    assert lengths(*columns) == {expected}


def test_only_rows_with_a_null_have_a_bitmap() -> None:
    """A null in one of nine columns costs that row eight bytes of header, and no other row."""
    rare = replace(BIGINT, attlen=16, attnotnull=False, stanullfrac=0.25)

    drawn = tuple_lengths([BIGINT] * 8 + [rare], Widths.constant, Nulls.independent, 7)

    assert set(drawn) == {24 + 80, 32 + 64}
    assert abs(drawn.count(32 + 64) - 0.25 * DRAWS) <= 1


def test_nulls_together_fall_into_the_same_rows() -> None:
    """Under this hypothesis a row has all of its nulls or none."""
    half = replace(BIGINT, attnotnull=False, stanullfrac=0.5)

    together = tuple_lengths([half] * 4, Widths.constant, Nulls.together, 7)
    independent = tuple_lengths([half] * 4, Widths.constant, Nulls.independent, 7)

    assert len(set(together)) <= 3
    assert set(independent) == {24, 32, 40, 48, 56}


def test_spread_keeps_the_mean() -> None:
    """Values spread evenly around the mean, half a byte above the statistic that was cut."""
    drawn = tuple_lengths(
        [replace(TEXT, stawidth=400, attstorage="p", attalign="c")],
        Widths.spread,
        Nulls.independent,
        3,
    )
    assert min(drawn) < 240
    assert max(drawn) > 600
    # Rounding up to eight adds 3.5 bytes on average.
    assert sum(drawn) / DRAWS == pytest.approx(24 + 400.5 + 3.5, abs=0.5)


@pytest.mark.parametrize("widths", Widths)
def test_numeric_lengths_are_odd(widths: Widths) -> None:
    """A mean of eight bytes is seven or nine, which may cross a boundary that eight doesn't."""
    number = replace(TEXT, typname="numeric", stawidth=8)
    assert lengths(number, BIGINT, widths=widths) == {24 + 16, 24 + 24}
    assert lengths(replace(number, stawidth=7), BIGINT) == {24 + 16}


@pytest.mark.parametrize(
    ("length", "fillfactor", "expected"),
    [
        (40, 100, 185),
        (24, 100, 291),
        (40, 70, (8168 - 2457) // 44),
        (3200, 100, 2),
        (5000, 100, 1),
        (5000, 10, 1),
    ],
)
def test_equal_rows_on_a_page(length: int, fillfactor: int, expected: int) -> None:
    """Rows are whole, the fill factor is kept free, and an oversized row has a page of its own."""
    assert rows_per_page([length] * 10, fillfactor) == expected


def test_rows_of_different_lengths_share_pages() -> None:
    """What does not fit any more begins the next page."""
    assert rows_per_page([4000, 5000], 100) == 1
    assert rows_per_page([4000, 4000, 5000], 100) == pytest.approx(1.5, abs=0.02)


def test_full_table_is_not_bloated() -> None:
    """Fixed-width columns that can't be null need no statistics, and the answer is exact."""
    full = estimated(THREE_INTS)
    assert (full.bloat_share, full.low, full.high) == (0.0, 0.0, 0.0)
    assert full.confidence is Confidence.high


def test_half_empty_table() -> None:
    """The share and its bytes; what is not dead is already free."""
    half = estimated(replace(THREE_INTS, reltuples=92_500, n_dead_tup=10_000))
    assert half.bloat_share == pytest.approx(0.5)
    assert half.bloat_bytes == 500 * 8192
    assert half.dead_bytes == 10_000 * 44
    assert half.free_bytes == 500 * 8192 - 440_000


def test_dead_rows_never_exceed_the_bloat() -> None:
    """A counter of dead rows that lies does not make free space negative."""
    half = estimated(replace(THREE_INTS, reltuples=92_500, n_dead_tup=10**9))
    assert half.free_bytes == 0
    assert estimated(replace(THREE_INTS, n_dead_tup=None)).free_bytes is None


def test_empty_file_is_all_bloat() -> None:
    """A file whose rows are all gone is evaluated, not refused as 'changed'."""
    assert estimated(replace(THREE_INTS, reltuples=0.0)).bloat_share == 1.0


def test_dropped_column_is_named() -> None:
    """Space of dropped columns is bloat that only a rewrite frees, and the estimate says so."""
    fat = replace(THREE_INTS, columns=(INT, DROPPED, INT), reltuples=30_000)
    assert estimated(fat).has_dropped_columns
    assert estimated(fat).bloat_share > 0.8
    only_dropped = estimated(replace(THREE_INTS, columns=(DROPPED,), reltuples=291_000))
    assert only_dropped.bloat_share == pytest.approx(0.0, abs=1e-9)
    nothing = estimated(replace(THREE_INTS, columns=(), reltuples=291_000))
    assert nothing.bloat_share == pytest.approx(0.0, abs=1e-9)


def test_a_rewrite_that_would_grow_is_zero() -> None:
    """Defaults that old rows don't carry yet make a rewrite larger: no bloat, low confidence."""
    late = replace(THREE_INTS, columns=(INT, replace(BIGINT, atthasmissing=True)) * 4)
    grown = estimated(late)
    assert (grown.bloat_share, grown.bloat_bytes) == (0.0, 0)
    assert grown.confidence is Confidence.low


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"relpages": 127}, "too_small"),
        ({"reltuples": -1.0}, "never_counted"),
        ({"reltuples": -1.0, "relpages": 0}, "never_counted"),
        ({"reltuples": -1.0, "relpages": 0, "n_live_tup": None}, "never_counted"),
        ({"reltuples": -1.0, "relpages": 0, "n_live_tup": 50}, "too_small"),
        ({"columns": (INT, replace(TEXT, stawidth=None))}, "statistics_hidden"),
        ({"columns": (replace(INT, attnotnull=False),)}, "statistics_hidden"),
        ({"n_mod_since_analyze": 185_000}, "changed_since_analyze"),
    ],
)
def test_refusals(change: dict[str, object], obstacle: str) -> None:
    """What can't be known is refused by its own name, never answered by a guess."""
    assert refused(replace(THREE_INTS, **change)).obstacle == obstacle  # type: ignore[arg-type]


def test_missing_statistics_ask_for_a_grant_only_where_it_would_help() -> None:
    """Where statistics may be read but were never gathered, ANALYZE is what is missing."""
    blind = replace(THREE_INTS, columns=(replace(TEXT, stawidth=None),))
    assert refused(blind).needs_grant
    assert not refused(replace(blind, statistics_readable=True)).needs_grant


@pytest.mark.parametrize(
    "change",
    [
        {"n_mod_since_analyze": 37_000},
        {"n_mod_since_analyze": None},
        {"statistics_age_seconds": 31 * 86400.0, "n_mod_since_analyze": 1},
    ],
)
def test_low_confidence(change: dict[str, object]) -> None:
    """Old statistics on a table that is written to are worth less, and say so."""
    assert estimated(replace(THREE_INTS, **change)).confidence is Confidence.low  # type: ignore[arg-type]


def test_old_statistics_of_a_still_table_are_good() -> None:
    """A table that nobody writes to needs no fresh statistics."""
    still = replace(THREE_INTS, statistics_age_seconds=400 * 86400.0)
    assert estimated(still).confidence is Confidence.high


def columns() -> st.SearchStrategy[Column]:
    shapes = st.sampled_from([INT, BIGINT, BOOL, TEXT, DROPPED, replace(TEXT, typname="numeric")])
    return st.builds(
        lambda shape, nulls, width: replace(
            shape, attnotnull=not nulls, stanullfrac=nulls, stawidth=width
        ),
        shapes,
        st.floats(0, 1),
        st.integers(0, 2000),
    )


@given(
    heap=st.builds(
        replace,
        st.just(THREE_INTS),
        columns=st.lists(columns(), max_size=12).map(tuple),
        oid=st.integers(1, 2**32 - 1),
        reltuples=st.floats(0, 1e9),
        fillfactor=st.integers(10, 100),
    )
)
def test_estimate_of_anything(heap: Heap) -> None:
    """Any table gives shares in order between 0 and 1, and the same ones when asked again."""
    first = estimated(heap)
    # The mean of equal numbers may differ from them in the last bit.
    assert 0.0 <= first.low <= first.bloat_share + 1e-9
    assert first.bloat_share <= first.high + 1e-9 <= 1.0 + 1e-9
    assert first.rows_per_page <= 291
    assert estimated(heap) == first


def test_short_rows_fill_what_longer_ones_leave() -> None:
    rows = [4000, 5000, 2500, 1000]
    assert rows_per_page(rows, 100) < rows_per_page_refilled(rows, 100)
    assert rows_per_page_refilled([40] * 10, 100) == rows_per_page([40] * 10, 100)


def test_rows_are_no_longer_than_toast_allows() -> None:
    """Their mean was taken after long values were moved out: near the limit, all are near it."""
    wide = [replace(TEXT, stawidth=240)] * 8

    drawn = tuple_lengths(wide, Widths.spread, Nulls.independent, 7)

    assert max(drawn) <= 2032
    assert min(drawn) > 1850
    plain = [replace(column, attstorage="p") for column in wide]
    assert max(tuple_lengths(plain, Widths.spread, Nulls.independent, 7)) > 2200


def test_rows_put_in_bound_the_bloat() -> None:
    """A file never longer than its rows needed is not bloated by those that are left."""
    text = replace(THREE_INTS, columns=(INT, TEXT), reltuples=146_000)
    found = estimated(text)
    assert 0.02 < found.bloat_share < 0.05
    assert estimated(replace(text, rows_made=146_000)).bloat_share < 0.01
    assert estimated(replace(text, rows_made=292_000)).bloat_share == found.bloat_share
    # The rows were longer before a column was dropped, so nothing follows from their number.
    dropped = replace(text, columns=(INT, TEXT, DROPPED))
    assert estimated(replace(dropped, rows_made=146_000)) == estimated(dropped)


def test_long_values_among_short_ones_leave_gaps() -> None:
    """Texts of 16 and of 998 bytes lose twice as much at the ends of pages as their mean tells."""
    random = Random(3)
    real = [1032 if random.random() < 0.3 else 48 for _ in range(30_000)]
    mixed = replace(THREE_INTS, columns=(INT, replace(TEXT, stawidth=310)), reltuples=20_000.0)
    truth = 1.0 - 20_000.0 / rows_per_page(real, 100) / 1000
    found = estimated(mixed)
    assert found.low < truth < found.bloat_share - 0.02
    assert found.confidence is Confidence.high
    for other in ({"typname": "numeric"}, {"typname": "bpchar", "atttypmod": 314}, {"attlen": 312}):
        even = estimated(replace(mixed, columns=(INT, replace(TEXT, stawidth=310, **other))))
        assert even.low > found.low + 0.02


@pytest.mark.parametrize(
    ("mean", "elastic", "gap"),
    [
        (300, 0.0, 304 / 2),
        (300, 0.5, (304 + (1.5 * 150) ** 2 / 304) / 2),
        (300, 1.0, (304 + (1.5 * 300) ** 2 / 304) / 2),
        (2000, 1.0, (2004 + (2036 - 2004) * (2004 - 24) / 2004) / 2),
        (3000, 1.0, 3004 / 2),
    ],
)
def test_largest_gap(mean: float, elastic: float, gap: float) -> None:
    """Half a row, weighed by its length; no row is longer than a fourth of a page."""
    assert largest_gap(mean, elastic) == pytest.approx(gap)
