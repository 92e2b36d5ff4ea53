"""functional_dependency: what statistics of dependencies tell, and what only looks like it."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.schema.functional_dependency import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Answer, AnyCollector
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.dependency_statistics import DependencyStatistics, dependency_statistics
from collectors.functional_dependencies import FunctionalDependency, functional_dependencies
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

ROW = FunctionalDependency(
    datname="shop",
    relid=5,
    schemaname="public",
    relname="visits",
    stxname="s",
    determinant="zip",
    determinant_attnum=2,
    dependent="city",
    dependent_attnum=3,
    type="text",
    degree=0.99,
    is_in_key=False,
    refers_to=None,
    comment=None,
    rows=1e6,
)

STATISTICS = DependencyStatistics("shop", 1, "public", "visits", "s")


def judged(
    *rows: FunctionalDependency,
    values: tuple[float, float] = (3000.0, 10.0),
    nulls: float = 0.5,
    relid: int = 5,
    attnums: tuple[int, int] = (2, 3),
) -> Verdict:
    known = ColumnStatistics("shop", relid, list(attnums), [0.0, nulls], [4, 8], list(values))
    return verdict_of(
        finding,
        seen(
            (dependency_statistics, [STATISTICS]),
            (functional_dependencies, rows or [ROW]),
            (column_statistics, [known]),
        ),
    )


def test_exactly_at_its_limits_it_is_told() -> None:
    [subject] = judged().subjects
    assert subject.evidence.subject == "public.visits.city"
    assert subject.evidence.facts["normal_form"] == "3NF"
    assert "zip is no key" in subject.evidence.message
    [subject] = judged(replace(ROW, is_in_key=True)).subjects
    assert subject.evidence.facts["normal_form"] == "2NF"
    assert "zip is a part of a key" in subject.evidence.message


@pytest.mark.parametrize(
    "given",
    [
        {"values": (3001.0, 10.0)},  # too few rows a value: it determines all by chance
        {"values": (-0.5, 10.0)},  # nearly unique
        {"values": (300.0, 9.0)},  # nearly constant
        {"nulls": 0.51},
        {"relid": 6},  # not analysed
        {"attnums": (2, 4)},
        {"attnums": (4, 3)},
    ],
    ids=str,
)
def test_nearly_unique_and_nearly_constant_columns_are_quiet(given: dict[str, Any]) -> None:
    assert judged(**given).state is State.healthy


def test_values_as_a_share_of_the_rows() -> None:
    assert judged(values=(-0.003, -0.00001)).state is State.ill
    small = replace(ROW, rows=2999.0)
    assert judged(small, values=(300.0, 10.0)).state is State.healthy
    assert judged(replace(small, rows=3000.0), values=(300.0, 10.0)).state is State.ill


def test_what_has_exceptions_is_quiet() -> None:
    assert judged(replace(ROW, degree=0.989)).state is State.healthy


def test_two_columns_that_determine_each_other_are_told_once() -> None:
    back = replace(
        ROW,
        determinant="city",
        determinant_attnum=3,
        dependent="zip",
        dependent_attnum=2,
    )
    other = replace(back, relid=7)
    verdict = judged(back, ROW, other, values=(100.0, 100.0), nulls=0.0)
    assert [one.evidence.subject for one in verdict.subjects] == ["public.visits.city"]


def test_of_two_columns_only_the_later_may_determine() -> None:
    """One way alone is told, whichever of the two stands first in the table."""
    back = replace(
        ROW, determinant="city", determinant_attnum=3, dependent="zip", dependent_attnum=2
    )
    [subject] = judged(back, values=(100.0, 100.0), nulls=0.0).subjects
    assert subject.evidence.subject == "public.visits.zip"


def test_a_comment_is_the_reason() -> None:
    [muted] = judged(replace(ROW, comment="As it was then.")).muted
    assert muted.muted == "As it was then."


def test_without_the_right_it_is_unknown_where_there_are_such_statistics() -> None:
    """No other finding needs it, and without such statistics not even this one."""
    absence = Absence("permission denied", "GRANT …")
    verdict = verdict_of(
        finding,
        replace(
            seen((dependency_statistics, [STATISTICS]), (column_statistics, [])),
            absent={functional_dependencies: absence},
        ),
    )
    assert verdict.state is State.unknown
    assert verdict.unjudged[0].grant == "GRANT …"
    nothing = seen((dependency_statistics, []), (column_statistics, []))
    blind = replace(nothing, absent={functional_dependencies: absence})
    assert verdict_of(finding, blind).state is State.healthy


def test_a_database_without_the_right_is_unknown() -> None:
    absence = Absence("permission denied", "GRANT …")
    snapshot = seen(
        (dependency_statistics, [STATISTICS]),
        (column_statistics, []),
        (functional_dependencies, []),
    )
    answer: Answer[FunctionalDependency] = Answer(
        (), AT, missing={"shop": absence, "other": absence}
    )
    given = {**snapshot.answers, functional_dependencies: answer}
    [blind] = verdict_of(finding, replace(snapshot, answers=given)).unjudged
    assert (blind.database, blind.grant) == ("shop", "GRANT …")


@pytest.mark.parametrize("collector", [dependency_statistics, column_statistics])
def test_without_an_answer_it_is_unknown(collector: AnyCollector) -> None:
    rows: tuple[tuple[AnyCollector, Any], ...] = (
        (dependency_statistics, [STATISTICS]),
        (functional_dependencies, [ROW]),
        (column_statistics, []),
    )
    given = [one for one in rows if one[0] is not collector]
    blind = replace(seen(*given), absent={collector: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown
