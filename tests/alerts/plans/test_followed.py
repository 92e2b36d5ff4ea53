"""Which statements are followed: those that did most, ever and lately, without coming and going."""

from collections.abc import Sequence

from alerts.plans.followed import ALWAYS, HALF, LATELY, STAYING, Followed
from collectors._base import Answer
from collectors.stat_statements import Statement
from tests.fixtures.statement_rows import key, statement

MANY = 1000


def rows(*lately: int, seconds: float = 1.0) -> list[Statement]:
    """Statements of which the first took the most time; some took a little more lately."""
    return [
        statement(n, calls=2 * MANY - n, seconds=2.0 * MANY - n + (seconds if n in lately else 0.0))
        for n in range(MANY)
    ]


def chosen(followed: Followed, given: Sequence[Statement], at: float, *tracked: int) -> set[int]:
    places = followed.choose(Answer(given, at), {key(n) for n in tracked})
    return {given[place].query_id for place in places}


def test_what_became_heavy_today_is_followed() -> None:
    followed = Followed()
    assert 900 not in chosen(followed, rows(), 0.0)
    found = chosen(followed, rows(900), 60.0)
    assert 900 in found
    assert found >= set(range(ALWAYS))
    assert 901 not in found


def test_it_stays_for_a_while_if_it_was_followed() -> None:
    """Others do a little more; then many do, much later."""
    followed = Followed()
    chosen(followed, rows(), 0.0)
    chosen(followed, rows(900, seconds=1.0), 60.0)
    others = range(300, 300 + LATELY + 20)
    grown = rows(900)
    grown = [
        statement(r.query_id, r.calls, seconds=r.seconds + 2 * (r.query_id in others))
        for r in grown
    ]
    assert 900 in chosen(followed, grown, 120.0, 900)
    assert 900 not in chosen(followed, grown, 120.0)
    more = [
        statement(r.query_id, r.calls, seconds=r.seconds + 9 * (300 <= r.query_id < 301 + STAYING))
        for r in grown
    ]
    assert 900 not in chosen(followed, more, 120.0 + 10 * HALF, 900)


def test_a_new_statement_counts_with_all_it_did() -> None:
    followed = Followed()
    chosen(followed, rows(), 0.0)
    assert 5000 in chosen(followed, [*rows(), statement(5000, seconds=0.5)], 60.0)


def test_there_are_never_too_many() -> None:
    followed = Followed()
    for minute in range(5):
        found = chosen(
            followed, rows(*range(MANY), seconds=1.0 + minute), 60.0 * minute, *range(MANY)
        )
        assert len(found) <= 2 * (ALWAYS + STAYING) + 300
