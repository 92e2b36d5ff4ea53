"""Bloat of a B-tree: its file compared with the pages that REINDEX would write."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import expm1, prod
from statistics import fmean

from alerts.bloat.distinct import Frequencies, distinct_values
from alerts.bloat.estimate import (
    CHANGED_MUCH,
    CHANGED_TOO_MUCH,
    NEVER_COUNTED,
    REMEMBERED,
    SMALLEST_FILE,
    Confidence,
    NotEvaluated,
    Obstacle,
)
from alerts.bloat.heap import Column
from alerts.bloat.leaves import SPECIAL, Lengths, leaf_bytes
from alerts.bloat.packing import LINE_POINTER, PAGE_HEADER
from alerts.bloat.posting import bytes_per_row, rows_of_a_list
from alerts.bloat.refuted import possible, share_left
from alerts.bloat.sampling import LONGEST_TAIL, MODEL_ERROR, is_sampled_well, mean_error, sample_of
from alerts.bloat.tuple_length import INDEX_ENTRY, MAXALIGN, Nulls, Widths, tuple_lengths

UPPER_FILL = 0.7
"""Fill factor of the levels above the leaves."""
LONGEST_ENTRY = 2712
"""Bytes of the largest entry, of which three fit on a page."""
SHORTEST_ENTRY = 5.9
"""Bytes of a row in an entry of many equal keys, as few as possible."""
NULL_ENTRY = 16
"""Bytes of an entry whose only column is null."""
SKEW = 0.7
FREQUENT = 1e6
"""Rows with an equal key, of which almost all are in full lists."""
CORRELATED = 0.75
"""Weight of columns of which one follows from the other, as a city from its country."""
LEAST_FILL = 0.65
"""Least mean fill of pages that inserts have split, as a share of that after a rebuild."""
MOST_FILL = 1.1
"""Most of it: a rebuild leaves a tenth of each page free."""
WIDE = 0.1
"""Width of the interval, as a share of the file, from which the number is uncertain."""


@dataclass(frozen=True, slots=True)
class BTree:
    """A B-tree with its values in pg_class, and the statistics of its columns."""

    oid: int
    relpages: int
    reltuples: float
    """Entries at the last vacuum, analyze or build; -1 if there was none."""
    table_rows: float
    """Rows of its table, of which the statistics are."""
    fillfactor: int
    columns: tuple[Column, ...]
    """With included ones."""
    distinct: tuple[float | None, ...]
    """Distinct values of each column of the key; a negative number is a share of the rows."""
    deduplicates: bool
    is_partial: bool
    statistics_readable: bool
    changed_share: float
    """Rows changed since ANALYZE, as a share of the rows."""
    statistics_target: int = 100
    block_size: int = 8192
    entries_made: float | None = None
    """Entries put in since the table was empty, or more; None if that was not counted."""


@dataclass(frozen=True, slots=True)
class BTreeEstimate:
    """Bloat of a B-tree, as shares (0 to 1) of its file at its last vacuum, analyze or build."""

    bloat_share: float
    low: float
    high: float
    bloat_bytes: int
    confidence: Confidence


def estimate_btree(tree: BTree) -> BTreeEstimate | NotEvaluated:
    """Estimate the bloat of a B-tree, without judging it."""
    return _obstacle(tree) or _evaluated(tree)


def most_share(tree: BTree) -> float:
    """Return the share that is empty if its entries were as short as possible, or more."""
    shortest = SHORTEST_ENTRY if tree.deduplicates else NULL_ENTRY + LINE_POINTER
    pages = max(0.0, tree.reltuples) * shortest / tree.block_size
    return 1.0 - pages / max(1, tree.relpages)


def least_share(tree: BTree) -> float:
    """Return the share that is empty if its entries are as long as possible, or less.

    Where columns are of fixed width, their length is known without statistics.
    """
    if tree.reltuples < 0:
        return 0.0
    longest: float = LONGEST_ENTRY
    if all(column.is_fixed for column in tree.columns):
        widths = sum(column.attlen + MAXALIGN for column in tree.columns)
        longest = NULL_ENTRY + widths + LINE_POINTER
    leaf = tree.block_size * tree.fillfactor // 100 - PAGE_HEADER - SPECIAL - longest / 2
    pages = _with_upper(tree.reltuples * longest / leaf, longest, tree.block_size)
    return max(0.0, 1.0 - pages / tree.relpages)


def _obstacle(tree: BTree) -> NotEvaluated | None:
    if tree.relpages < SMALLEST_FILE:
        return NotEvaluated(Obstacle.too_small, f"smaller than {SMALLEST_FILE} pages")
    if tree.reltuples < 0 or tree.table_rows < 0:
        return NotEvaluated(Obstacle.never_counted, NEVER_COUNTED)
    lacks_distinct = tree.deduplicates and None in tree.distinct
    if lacks_distinct or not all(column.is_known for column in tree.columns):
        if tree.statistics_readable:
            return NotEvaluated(Obstacle.statistics_missing, "columns without statistics")
        return NotEvaluated(Obstacle.statistics_hidden, "column statistics may not be read")
    if tree.changed_share >= CHANGED_TOO_MUCH:
        return NotEvaluated(Obstacle.changed_since_analyze, "rewritten since the last ANALYZE")
    return None


def _evaluated(tree: BTree) -> BTreeEstimate:
    error = MODEL_ERROR * (2 if tree.deduplicates else 1)
    error += mean_error(tree.statistics_target, tree.table_rows) * _share_of_widths(tree)
    varying, constant = _needs(tree, varying=True), _needs(tree, varying=False)
    # A page that was split is half full at least, and one in use has no room left at best.
    least = LEAST_FILL * share_left(tree.reltuples, tree.entries_made)
    bounds = least - error, MOST_FILL + error
    likely = list(possible(varying + constant, *bounds)) or varying + constant
    skew = _skew(tree, list(possible(varying, *bounds)) or varying)
    shares = [1.0 - need for need, _ in likely]
    emptier, fuller = _gaps_between_lists(tree)
    low = min(shares) - skew - error - emptier * max(0.0, 1.0 - min(shares))
    high = max(shares) + error + fuller * max(0.0, 1.0 - max(shares))
    share = max(0.0, fmean(shares, [weight for _, weight in likely]))
    return BTreeEstimate(
        bloat_share=share,
        low=max(0.0, low),
        high=max(0.0, high),
        bloat_bytes=round(share * tree.relpages * tree.block_size),
        confidence=_confidence(tree, high - low),
    )


def _needs(tree: BTree, *, varying: bool) -> list[tuple[float, float]]:
    """Return the needed share of the file under each hypothesis, with its weight."""
    return [
        (_pages_of(lengths, equal, kind, tree) / tree.relpages, weight)
        for lengths in _entries(_sampled(tree), tree.oid)
        for equal, kind, weight in _equals(tree)
        if varying is (kind is not Frequencies.constant)
    ]


def _sampled(tree: BTree) -> tuple[Column, ...]:
    """Return the columns; nulls of a single one are equal keys of their own."""
    if not _has_null_group(tree):
        return tree.columns
    return (replace(tree.columns[0], stanullfrac=0.0),)


def _has_null_group(tree: BTree) -> bool:
    return tree.deduplicates and len(tree.columns) == 1


@lru_cache(maxsize=REMEMBERED)
def _entries(columns: tuple[Column, ...], seed: int) -> tuple[Lengths, ...]:
    """Sample the lengths of entries under each hypothesis, and count each length."""
    widths = Widths if any(not column.is_fixed for column in columns) else (Widths.constant,)
    nulls = Nulls if sum(1 for c in columns if c.null_fraction) > 1 else (Nulls.independent,)
    return tuple(
        tuple(Counter(tuple_lengths(columns, w, n, seed, INDEX_ENTRY)).items())
        for w in widths
        for n in nulls
    )


def _equals(tree: BTree) -> Iterator[tuple[float, Frequencies, float]]:
    """Yield the mean number of rows with an equal key, under each hypothesis with its weight."""
    if not tree.deduplicates:
        yield 1.0, Frequencies.even, 1.0
        return
    rows = max(1.0, tree.reltuples)
    for kind in Frequencies:
        counts = list(_distinct_values(tree, kind))
        if len(counts) == 1:
            filled = rows * (1.0 - (tree.columns[0].null_fraction or 0.0))
            yield max(1.0, filled / counts[0]), kind, 1.0
            continue
        product = prod(counts)
        # As many combinations as are met by chance, if the columns are not correlated.
        combinations = -product * expm1(-rows / product)
        yield max(1.0, rows / max(combinations, *counts)), kind, 1.0 - CORRELATED
        yield max(1.0, rows / max(counts)), kind, CORRELATED


def _distinct_values(tree: BTree, kind: Frequencies) -> Iterator[float]:
    sampled = sample_of(tree.statistics_target)
    for told, column in zip(tree.distinct, tree.columns, strict=True):
        filled = 1.0 - (column.null_fraction or 0.0)
        rows = max(1.0, tree.table_rows * filled)
        found = told if told is not None and told >= 0 else -(told or -1.0) * tree.table_rows
        values = distinct_values(found, rows, sampled * filled, kind)
        yield max(1.0, min(values, tree.reltuples * filled))


def _pages_of(lengths: Lengths, equal: float, kind: Frequencies, tree: BTree) -> float:
    """Return the pages after a rebuild: leaves, levels above them, and one for metadata."""
    nulls = (tree.columns[0].null_fraction or 0.0) if _has_null_group(tree) else 0.0
    draws = sum(times for _, times in lengths)
    size = sum(bytes_per_row(length, equal, kind) * times for length, times in lengths) / draws
    each = (1.0 - nulls) * size / _filled(lengths, equal, kind, tree)
    if nulls:
        group = max(1.0, nulls * tree.reltuples)
        only = bytes_per_row(NULL_ENTRY, group)
        each += nulls * only / _filled(((NULL_ENTRY, 1),), group, Frequencies.even, tree)
        size = (1.0 - nulls) * size + nulls * only
    return _with_upper(tree.reltuples * each, size, tree.block_size)


def _filled(lengths: Lengths, equal: float, kind: Frequencies, tree: BTree) -> float:
    return leaf_bytes(lengths, equal, kind, tree.fillfactor, tree.block_size)


def _with_upper(leaves: float, per_row: float, block_size: int) -> float:
    room = block_size - PAGE_HEADER - SPECIAL
    level = leaves = max(1.0, leaves)
    upper = 0.0
    fan_out = max(2.0, UPPER_FILL * room / (max(per_row, NULL_ENTRY) + LINE_POINTER))
    while level > 1.0:
        level = max(1.0, level / fan_out)
        upper += level
    return leaves + upper + 1.0


def _skew(tree: BTree, needs: Sequence[tuple[float, float]]) -> float:
    """Allow for keys of which a few are more frequent still than under any hypothesis."""
    is_sampled = sample_of(tree.statistics_target) < tree.table_rows
    if not tree.deduplicates or len(tree.columns) > 1 or not is_sampled:
        return 0.0
    shares = [need for need, _ in needs]
    return SKEW * (max(shares) - min(shares))


def _gaps_between_lists(tree: BTree) -> tuple[float, float]:
    """Return how much more, and less, an index of long lists may need, as shares of that.

    Lists are as long as a tenth of a page, and pages hold whole ones: how many depends on whether
    a page meets full lists alone, as of a few very frequent keys, or shorter ones among them. And
    rare keys may be the long ones, as of names, while mean widths are those of the frequent.
    """
    emptier = fuller = 0.0
    for lengths in _entries(_sampled(tree), tree.oid):
        longest = max(length for length, _ in lengths)
        for equal, kind, _ in _equals(tree):
            if equal < rows_of_a_list(longest):
                continue
            full = _filled(lengths, FREQUENT, Frequencies.even, tree)
            ratio = _filled(lengths, equal, kind, tree) / full
            rare = LONGEST_TAIL * _elastic_bytes(tree) / equal / bytes_per_row(longest, equal, kind)
            emptier, fuller = max(emptier, ratio - 1.0 + rare), max(fuller, 1.0 - ratio)
    return emptier, fuller


def _elastic_bytes(tree: BTree) -> float:
    return sum(column.stawidth or 0.0 for column in tree.columns if column.is_elastic)


def _share_of_widths(tree: BTree) -> float:
    return 0.0 if all(column.is_fixed for column in tree.columns) else 1.0


def _confidence(tree: BTree, spread: float) -> Confidence:
    doubtful = (
        spread > WIDE
        or tree.changed_share >= CHANGED_MUCH
        or (tree.is_partial and tree.deduplicates)
        or not is_sampled_well(tree.statistics_target, tree.table_rows)
    )
    return Confidence.low if doubtful else Confidence.high
