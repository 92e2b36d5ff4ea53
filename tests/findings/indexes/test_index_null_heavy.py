"""index_null_heavy: large indexes of NULL, but none that enforces or is partial already."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.indexes.index_null_heavy import finding
from collectors._base import Absence, Answer
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.index_layout import IndexLayout, index_layout
from tests.findings.indexes.layouts import MIB, layout, on
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

NULLS = ColumnStatistics("shop", 10, [1, 2], [0.8, 0.1], [4, 4], [-1.0, -1.0])


def heavy(*rows: IndexLayout, nulls: ColumnStatistics = NULLS) -> list[str]:
    snapshot = seen((index_layout, rows), (column_statistics, [nulls]))
    return [s.evidence.subject for s in verdict_of(finding, snapshot).subjects]


def test_an_index_of_mostly_null_is_found() -> None:
    assert heavy(layout(11), on(1, 2, oid=12), on(2, 1, oid=13)) == ["public.i11", "public.i12"]


@pytest.mark.parametrize(
    "traits",
    [
        {"size_bytes": 49 * MIB},
        {"is_unique": True},
        {"backs_constraint": True},
        {"indpred": "{NULLTEST}"},
        {"amname": "gin"},
        {"is_valid": False},
        {"datname": "other"},
        {"indkey": "2"},
        {"indkey": "0"},
    ],
)
def test_what_is_not_quite_one(traits: dict[str, Any]) -> None:
    assert heavy(layout(11, **traits)) == []


def test_a_share_that_is_lower_is_normal() -> None:
    assert heavy(layout(11), nulls=replace(NULLS, stanullfrac=[0.79, 0.1])) == []


def test_with_its_partial_twin_it_is_a_matter_of_its_use() -> None:
    twin = layout(12, indpred="{NULLTEST :arg {VAR :varno 1 :varattno 1 :vartype 23}}")
    assert heavy(layout(11), twin) == []


def test_a_database_without_indexes_lacks_no_statistics() -> None:
    """As `postgres`, which is often empty; where an index may be, the right is asked for."""
    snapshot = seen((index_layout, [layout(11)]))
    refused = Absence("no right", "GRANT …")

    def blind_in(*databases: str, unseen: tuple[str, ...] = ()) -> set[str | None]:
        indexes = replace(
            snapshot.answers[index_layout], missing=dict.fromkeys(unseen, Absence("not asked yet"))
        )
        widths: Answer[ColumnStatistics] = Answer((), AT, dict.fromkeys(databases, refused))
        known = replace(snapshot, answers={index_layout: indexes, column_statistics: widths})
        return {one.database for one in verdict_of(finding, known).unjudged if one.grant}

    assert blind_in("postgres") == set()
    assert blind_in("shop", "postgres") == {"shop"}
    assert blind_in("shop", "postgres", unseen=("postgres",)) == {"postgres", "shop"}


def test_without_statistics_it_is_unknown() -> None:
    blind = replace(seen((index_layout, [])), absent={column_statistics: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
