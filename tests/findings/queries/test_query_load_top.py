"""query_load_top: who takes most of the time of a busy server."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.queries.query_load_top import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.stat_statements import stat_statements
from tests.findings.queries.loads import HOUR, did
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen
from tests.fixtures.statement_rows import statement

TEXTS = {7: "select * from orders where state = $1"}


def judged(seconds: float, other: float, text: str = TEXTS[7], **traits: Any) -> Verdict:
    """Of a statement that took that long within an hour, beside ten others."""
    others = [statement(number, 5, seconds=other / 10) for number in range(10, 20)]
    rows = [statement(7, 1000, seconds=seconds, **traits), *others]
    return verdict_of(finding, did(finding, *rows, texts={**TEXTS, 7: text}))


def test_most_of_a_busy_server() -> None:
    """With its text, and what it costs each time."""
    verdict = judged(2700, 2000, rows=2000, shared_blocks_hit=5_000_000)
    [subject] = verdict.subjects
    evidence = subject.evidence
    assert evidence.value == pytest.approx(2700 / 4700)
    assert evidence.facts["statement"] == TEXTS[7]
    assert evidence.facts["mean_sessions"] == pytest.approx(0.75)
    assert evidence.facts["blocks_per_call"] == 5000
    assert "an index may be missing" in " ".join(evidence.cure)
    assert (evidence.database, evidence.subject) == ("shop", "query 7 of app")


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (judged(1100, 3000), State.healthy),  # not enough of all
        (judged(1000, 10), State.healthy),  # nearly all, of very little
        (judged(3000, 10, "copy orders to stdout"), State.healthy),  # a dump
        (judged(3000, 10, nested_seconds=2900), State.healthy),  # inside of a function
        (judged(2700, 2000), State.ill),
    ],
    ids=["share", "idle", "dump", "nested", "ill"],
)
def test_what_is_not_quite_ill(verdict: Verdict, state: State) -> None:
    assert verdict.state is state


def test_statements_inside_of_functions_hide_none_that_calls_them() -> None:
    inner = [
        statement(number, 3000, seconds=2900, nested_seconds=2900, nested_calls=3000)
        for number in (8, 9)
    ]
    rows = [statement(7, 1000, seconds=2700), statement(6, 5, seconds=300), *inner]
    [subject] = verdict_of(finding, did(finding, *rows, texts=TEXTS)).subjects
    assert subject.evidence.subject == "query 7 of app"


def test_before_an_hour_it_is_learning() -> None:
    rows = statement(7, 1000, seconds=3000)
    verdict = verdict_of(finding, did(finding, rows, seconds=HOUR / 2))
    assert verdict.state is State.learning


def test_without_the_extension_it_is_unknown() -> None:
    blind = replace(seen(), absent={stat_statements: Absence("not installed")})
    assert verdict_of(finding, blind).state is State.unknown
