"""index_redundant_prefix: exact, or nothing."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.indexes._definition import stored_nodes
from alerts.findings.indexes.index_redundant_prefix import finding
from collectors._base import Absence
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import MIB, layout, on
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen


def redundant(*rows: IndexLayout) -> dict[str, object]:
    verdict = verdict_of(finding, seen((index_layout, rows)))
    found = (subject.evidence for subject in verdict.subjects)
    return {one.subject: one.facts["covered_by"] for one in found}


ONE = layout(11)
WIDER = on(1, 2, oid=12)


@pytest.mark.parametrize(
    "wider",
    [
        WIDER,
        on(1, 2, 3, oid=12),
        on(1, include=(2,), oid=12),
        replace(WIDER, is_unique=True, idx_scan=0),
        replace(WIDER, backs_constraint=True, is_unique=True),
        replace(WIDER, indoption="3 3"),
        replace(WIDER, size_bytes=200 * MIB),
    ],
)
def test_the_first_columns_of_another_are_redundant(wider: IndexLayout) -> None:
    assert redundant(ONE, wider) == {"public.i11": "public.i12"}


@pytest.mark.parametrize(
    "wider",
    [
        on(2, 1, oid=12),
        replace(WIDER, relid=20),
        replace(WIDER, amname="hash"),
        replace(WIDER, indclass="1979 1978"),
        replace(WIDER, indcollation="100 0"),
        replace(WIDER, indoption="1 0"),
        replace(WIDER, indoption="2 0"),
        replace(WIDER, indpred="{NULLTEST}"),
        replace(WIDER, is_valid=False),
        replace(WIDER, idx_scan=0),
        replace(WIDER, size_bytes=201 * MIB),
    ],
)
def test_what_does_not_do_all_of_its_work_is_none(wider: IndexLayout) -> None:
    assert redundant(ONE, wider) == {}


@pytest.mark.parametrize(
    "trait",
    [
        "is_unique",
        "backs_constraint",
        "is_replica_identity",
        "is_clustered",
        "is_of_extension",
        "is_partition",
        "is_referenced",
    ],
)
def test_what_is_there_for_more_than_scans_stays(trait: str) -> None:
    assert redundant(replace(ONE, **{trait: True}), WIDER) == {}  # type: ignore[arg-type]


def test_a_partial_one_may_be_the_small_and_busy_one() -> None:
    partial = replace(ONE, indpred="{NULLTEST}")
    assert redundant(partial, WIDER) == {}
    assert redundant(partial, replace(WIDER, indpred="{NULLTEST}")) == {}


def test_directions_count_as_a_whole() -> None:
    """(a DESC, b DESC, c) is read backwards for (a, b); (a, b DESC, c) would have to be sorted."""
    one = on(1, 2, oid=11)
    assert redundant(one, on(1, 2, 3, oid=12, indoption="3 3 0"))
    assert not redundant(one, on(1, 2, 3, oid=12, indoption="0 3 0"))


def test_included_columns_must_be_there() -> None:
    one = on(1, include=(3,), oid=11)
    assert not redundant(one, on(1, 2, oid=12))
    assert redundant(one, on(1, 2, 3, oid=12))
    assert redundant(one, on(1, 2, include=(3, 4), oid=12))


def test_expressions_are_compared_one_by_one() -> None:
    one = on(0, oid=11, indexprs="({LOWER :arg 1})")
    assert redundant(one, on(0, 0, oid=12, indexprs="({LOWER :arg 1} {UPPER})"))
    assert not redundant(one, on(0, 0, oid=12, indexprs="({UPPER} {LOWER :arg 1})"))
    assert not redundant(one, on(0, 2, oid=12, indexprs="({LOWER :arg 2})"))
    by_hash = on(0, oid=11, indexprs="d41d8cd98f00b204e9800998ecf8427e")
    assert not redundant(by_hash, on(0, 2, oid=12, indexprs=by_hash.indexprs))


def test_of_a_chain_only_the_longest_stays() -> None:
    longest = on(1, 2, 3, oid=13)
    assert redundant(ONE, WIDER, longest) == dict.fromkeys(
        ("public.i11", "public.i12"), "public.i13"
    )


def test_of_two_that_replace_each_other_one_stays() -> None:
    descending = layout(12, indoption="3", idx_scan=7)
    assert redundant(ONE, descending) == {"public.i12": "public.i11"}


def test_nodes_are_read_with_what_is_escaped_in_them() -> None:
    text = r"({CONST :name \{a\} :list (i 1 2)} {OPEXPR :args ({VAR} {VAR})})"
    nodes = [r"{CONST :name \{a\} :list (i 1 2)}", "{OPEXPR :args ({VAR} {VAR})}"]
    assert list(stored_nodes(text)) == nodes


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
