"""Candidates for an index: which columns, in which order, and which existing index they widen."""

from dataclasses import replace
from typing import Any

import pytest

from collectors.index_advice import IndexAdvice, OtherStatement
from collectors.plans import Comparison, Condition, PlanNode, StatementPlan
from monitor.planner.advice import Tried, choose
from monitor.planner.advice_book import packed, unpacked
from monitor.planner.candidates import (
    WIDEST,
    Candidate,
    ColumnFacts,
    ExistingIndex,
    TableFacts,
    candidates,
    places,
    size_of,
    widened,
)

EQUAL, RANGE, NULL = Comparison.equal, Comparison.range, Comparison.null
FACTS = TableFacts(
    5000,
    100_000,
    {
        "few": ColumnFacts(5, 0.0, 4),
        "many": ColumnFacts(-0.5, 0.0, 8),
        "some": ColumnFacts(900, 0.0, 4),
        "more": ColumnFacts(400, 0.0, 4),
        "at": ColumnFacts(-1, 0.0, 8),
        "deleted_at": ColumnFacts(-0.9, 0.1, 8),
        "shape": ColumnFacts(10, 0.0, 90, is_indexable=False),
        "note": ColumnFacts(-1, 0.0, 400),
    },
)


def scan(*conditions: Condition, **given: Any) -> PlanNode:
    node = PlanNode(0, "Seq Scan", 5, 8, 0.0, 5000.0, "s", "t", conditions=conditions)
    return replace(node, **given)


def columns_of(node: PlanNode, facts: TableFacts = FACTS) -> set[tuple[str, ...]]:
    return {one.columns for one in candidates(node, facts)}


def test_equality_before_range_the_most_values_first() -> None:
    """Three columns at most, and none that has no order."""
    node = scan(
        Condition("at", RANGE),
        *(Condition(name, EQUAL) for name in ("few", "some", "many", "more", "shape")),
    )
    found = columns_of(node)
    assert ("many", "some", "more") in found
    assert ("many", "some", "at") in found
    assert max(map(len, found)) == WIDEST
    assert not any("shape" in one for one in found)


def test_the_order_of_the_result_comes_last() -> None:
    found = columns_of(scan(Condition("some", EQUAL), ordered=("at",)))
    assert ("some", "at") in found


def test_a_join_may_be_served() -> None:
    node = scan(Condition("few", EQUAL), joined=(Condition("some", EQUAL, True),))
    assert {("some",), ("some", "few")} <= columns_of(node)


def test_rows_that_are_not_deleted_are_enough() -> None:
    """A partial index is tried; a column of nothing but nulls is no key by itself."""
    found = candidates(scan(Condition("some", EQUAL), Condition("deleted_at", NULL)), FACTS)
    assert {one.null_column for one in found} == {None, "deleted_at"}
    assert columns_of(scan(Condition("deleted_at", NULL))) == set()


def test_what_is_needed_may_be_stored_beside() -> None:
    """If it is narrow, and all that the statement needs."""
    narrow = candidates(scan(Condition("some", EQUAL), output=("at", "few")), FACTS)
    assert ("at", "few") in {one.included for one in narrow}
    wide = candidates(scan(Condition("some", EQUAL), output=("at", "note")), FACTS)
    assert {one.included for one in wide} == {()}


def test_an_index_that_exists_is_not_tried_but_may_be_widened() -> None:
    """One of a constraint stays."""
    known = replace(FACTS, indexes=(ExistingIndex("old", ("some",), False),))
    node = scan(Condition("some", EQUAL), Condition("few", EQUAL))
    assert ("some",) not in columns_of(node, known)
    wider = Candidate("s", "t", ("some", "few"))
    assert widened(wider, known) == "old"
    kept = replace(FACTS, indexes=(ExistingIndex("key", ("some",), True),))
    assert widened(wider, kept) is None
    assert widened(Candidate("s", "t", ("few", "some")), known) is None
    assert widened(replace(wider, null_column="deleted_at"), known) is None


def test_nodes_that_read_too_much() -> None:
    """A scan by an index that filters afterwards, too; not one by an index alone."""
    by_index = scan(Condition("some", EQUAL), kind="Index Scan")
    plan = StatementPlan(1, 2, 3, "shop", 0.0, nodes=(scan(), by_index))
    assert list(places(plan)) == []
    filtered = replace(by_index, filtered=True)
    assert list(places(replace(plan, nodes=(filtered,)))) == [filtered]


def test_the_narrowest_of_those_that_are_about_as_good() -> None:
    """And none that saves too little."""
    wide = Candidate("s", "t", ("some", "few", "at"))
    narrow = Candidate("s", "t", ("some",))
    assert choose([Tried(narrow, 85.0)], 100.0, FACTS) is None
    assert choose([Tried(wide, 10.0), Tried(narrow, 10.9)], 100.0, FACTS) == Tried(narrow, 10.9)
    assert choose([Tried(wide, 10.0), Tried(narrow, 12.0)], 100.0, FACTS) == Tried(wide, 10.0)
    partial = replace(narrow, null_column="deleted_at")
    best = choose([Tried(narrow, 10.0), Tried(partial, 10.0)], 100.0, FACTS)
    assert best == Tried(partial, 10.0)


def test_one_that_replaces_an_index_is_preferred() -> None:
    """There are no more indexes then."""
    known = replace(FACTS, indexes=(ExistingIndex("old", ("some",), False),))
    wider, other = Candidate("s", "t", ("some", "few")), Candidate("s", "t", ("few",))
    assert choose([Tried(other, 10.0), Tried(wider, 10.5)], 100.0, known) == Tried(wider, 10.5)
    assert choose([Tried(other, 10.0), Tried(wider, 10.5)], 100.0, FACTS) == Tried(other, 10.0)


def test_size() -> None:
    """Of all rows, or of those that a partial index has."""
    whole = size_of(Candidate("s", "t", ("many",)), FACTS)
    assert 1.2e6 < whole < 2.3e6
    partial = size_of(Candidate("s", "t", ("many",), null_column="deleted_at"), FACTS)
    assert 0.05 < partial / whole < 0.2


def test_size_of_equal_keys() -> None:
    """A list of rows for each value: six bytes a row instead of twenty."""
    once, own = Candidate("s", "t", ("some",)), Candidate("s", "t", ("some",), ("few",))
    assert 2.8 < size_of(own, FACTS) / size_of(once, FACTS) < 3.4
    columns = {**FACTS.columns, "some": replace(FACTS.columns["some"], deduplicates=False)}
    known = replace(FACTS, columns=columns)
    assert size_of(once, known) == pytest.approx(size_of(own, FACTS), rel=0.05)
    assert size_of(Candidate("s", "t", ("some", "more")), FACTS) > 2 * size_of(once, FACTS)


def test_advice_is_remembered_as_it_was() -> None:
    """What was stored otherwise is not read."""
    advice = IndexAdvice(
        1, 2, 3, "shop", "s", "t", ("a", "b"), ("c",), None, 100.0, 5.0, 1e6, 7.0,
        others=(OtherStatement(1, 2, 4, 10.0, 10.5),),
    )  # fmt: skip
    stored = packed(advice)
    assert unpacked(stored) == advice
    assert isinstance(stored, dict)
    assert unpacked({**stored, "others": [[1]]}) is None
    assert unpacked({"a": 1}) is None
