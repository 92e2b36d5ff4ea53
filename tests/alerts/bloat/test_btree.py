"""The B-tree model against indexes that PostgreSQL has built, and its refusals."""

from dataclasses import replace

import pytest

from alerts.bloat.btree import BTree, BTreeEstimate, estimate_btree, least_share, most_share
from alerts.bloat.distinct import Frequencies, distinct_values
from alerts.bloat.estimate import Confidence, NotEvaluated, Obstacle
from alerts.bloat.heap import Column
from alerts.bloat.leaves import leaf_bytes
from alerts.bloat.posting import bytes_per_row

BIGINT = Column(8, "d", "x", True, False, False, "int8", -1, 0.0, 8)
TEXT = Column(-1, "i", "x", False, False, False, "text", -1, None, None)
KEY = BTree(1, 2745, 1e6, 1e6, 90, (BIGINT,), (-1.0,), False, False, True, 0.0)
"""A million keys of eight bytes: 2,745 pages, as built by PostgreSQL."""


def estimated(tree: BTree) -> BTreeEstimate:
    found = estimate_btree(tree)
    assert isinstance(found, BTreeEstimate)
    return found


def obstacle(tree: BTree) -> Obstacle:
    found = estimate_btree(tree)
    assert isinstance(found, NotEvaluated)
    return found.obstacle


@pytest.mark.parametrize(
    ("rows", "distinct", "pages"),
    [(71_190, 45_086, 173), (100_000, 28_892, 172)],
    ids=["many keys", "few equals"],
)
def test_equal_keys_share_an_entry(rows: int, distinct: float, pages: int) -> None:
    """Random keys, all of them read by ANALYZE; the pages are those of PostgreSQL 18."""
    number = replace(BIGINT, attlen=4, attalign="i", typname="int4")
    tree = BTree(1, pages, rows, rows, 90, (number,), (distinct,), True, False, True, 0.0, 1000)
    found = estimated(tree)
    assert abs(found.bloat_share) < 0.04
    assert found.low <= 0.0 <= found.high


def test_new_index_is_not_bloated() -> None:
    found = estimated(KEY)
    assert found.bloat_share < 0.003
    assert found.confidence is Confidence.high


def test_half_of_the_entries() -> None:
    found = estimated(replace(KEY, reltuples=5e5))
    assert found.bloat_share == pytest.approx(0.5, abs=0.003)
    assert found.low < 0.5 < found.high


def test_combinations_are_an_interval() -> None:
    """How two columns depend on each other is not known, and all between is possible."""
    pair = replace(
        KEY, relpages=5000, columns=(BIGINT,) * 2, distinct=(1000.0, 1000.0), deduplicates=True
    )
    found = estimated(pair)
    assert found.high - found.low > 0.3
    assert found.confidence is Confidence.low
    # Were each combination met once, the entries would not fit into so few pages.
    few = estimated(replace(pair, relpages=2000))
    assert few.low > 0.5
    # No entry was ever removed, so the pages are half full at least.
    kept = estimated(replace(pair, entries_made=1e6))
    assert kept.high < 0.5
    assert estimated(replace(pair, entries_made=1e9)) == found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"relpages": 127}, Obstacle.too_small),
        ({"reltuples": -1.0}, Obstacle.never_counted),
        ({"columns": (TEXT,)}, Obstacle.statistics_missing),
        ({"columns": (TEXT,), "statistics_readable": False}, Obstacle.statistics_hidden),
        ({"deduplicates": True, "distinct": (None,)}, Obstacle.statistics_missing),
        ({"changed_share": 1.0}, Obstacle.changed_since_analyze),
    ],
)
def test_refusals(changes: dict[str, object], expected: Obstacle) -> None:
    assert obstacle(replace(KEY, **changes)) is expected  # type: ignore[arg-type]


def test_bounds_need_no_statistics() -> None:
    """However long its entries are: a few rows in many pages are bloat."""
    few = replace(KEY, columns=(TEXT,), reltuples=1000.0)
    assert least_share(few) > 0.6
    assert most_share(KEY) < 0.2
    full = replace(KEY, columns=(TEXT,))
    assert least_share(full) == 0.0


def test_frequencies_that_differ() -> None:
    """What ANALYZE tells of a sample is too low, the more so the more frequencies differ."""
    assert distinct_values(39_410, 71_190, 30_000, Frequencies.even) == pytest.approx(
        45_086, rel=0.01
    )
    by_kind = [distinct_values(26_276, 1e5, 3e4, kind) for kind in Frequencies]
    assert by_kind == sorted(by_kind)
    assert distinct_values(500, 1e5, 1e6, Frequencies.skewed) == 500


def test_bytes_of_equal_keys() -> None:
    """One has an entry of its own; of very many each takes six bytes and a little."""
    assert bytes_per_row(16, 1.0) == 20
    assert 6.0 < bytes_per_row(16, 100_000.0) < 6.3
    for kind in Frequencies:
        assert 6.0 < bytes_per_row(16, 20.0, kind) < 9


def test_leaves_of_long_lists() -> None:
    """Nine of the largest lists fit before a page passes its fill factor; a tenth bounds it."""
    key = ((16, 1),)
    assert leaf_bytes(key, 132_000.0, Frequencies.even, 90, 8192) == 9 * 812
    assert leaf_bytes(key, 1.0, Frequencies.even, 90, 8192) == 366 * 20
    # Lists of other lengths leave more space, as the next one does not fit.
    assert leaf_bytes(key, 400.0, Frequencies.even, 90, 8192) < 7200


def test_whole_lists_leave_gaps() -> None:
    """A page at 70 % holds 7 lists of 808 bytes, or more of shorter ones: both are possible."""
    text = replace(TEXT, stanullfrac=0.0, stawidth=32)
    lists = replace(
        KEY, relpages=128, reltuples=92_534.0, table_rows=92_534.0, deduplicates=True,
        columns=(text,), distinct=(228.0,), fillfactor=70,
    )  # fmt: skip
    found = estimated(lists)
    # Built by PostgreSQL 18 of texts whose length has an exponential distribution.
    assert found.low <= 1.0 - 111 / 128 <= found.high
    assert found.confidence is Confidence.low
    number = replace(BIGINT, attlen=4, attalign="i", typname="int4")
    fixed = estimated(replace(lists, columns=(number,)))
    assert fixed.high - fixed.low < found.high - found.low - 0.04
    few = estimated(replace(lists, columns=(number,), distinct=(10_000.0,)))
    assert few.high - few.low < 0.06
