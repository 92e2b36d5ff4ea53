"""Batches that lock rows of one table in no order: told by their keys, or by places."""

from typing import Any

import pytest

from alerts.locks.order import Disorder, LockStore
from alerts.locks.order.keys import key_of
from alerts.locks.order.row_order import chosen
from collectors._base import Answer
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.transactions import Transaction, lock_store, look, table

UPDATE = "update {{}} set v = 1 where id = {}"
PARAMETER = "update {} set v = v + 1 where id = $1"
IN_PLACE = {"relpages": 100, "reltuples": 1000.0, "n_tup_upd": 500, "n_tup_hot_upd": 499}
UNTOUCHED = {"relpages": 100, "reltuples": 1000.0}
MOVING = {**IN_PLACE, "n_tup_hot_upd": 300}


def meet(known: LockStore, has: int, goes_to: int, verb: str = UPDATE) -> None:
    """One waits for the row `has` of another, which has gone on to the row `goes_to`."""
    waiter = Transaction(1, ("accounts",), waits_for=2, verb=verb.format(has))
    look(known, waiter, Transaction(2, ("accounts",), verb=verb.format(goes_to)))


def chain(known: LockStore, has: int, wants: int, verb: str = PARAMETER) -> None:
    """The other must wait there too; its rows are on these pages."""
    look(
        known,
        Transaction(1, ("accounts",), waits_for=2, verb=verb.format(has), row=(has, 1)),
        Transaction(2, ("accounts",), waits_for=3, verb=verb.format(wants), row=(wants, 1)),
        Transaction(3, ("accounts",)),
    )


def disorders(known: LockStore) -> list[Disorder]:
    return chosen(known.batches.disorders(now=0.0), least=1.0, places=2.0)


def accounts(**known: Any) -> UserTable:
    return table("accounts", **known)


def test_batches_that_go_both_ways_are_disorder() -> None:
    """Sorted ones go one way only."""
    known = lock_store()
    for has, goes_to in ((3, 17), (4, 9), (8, 12)):
        meet(known, has, goes_to)
    assert disorders(known) == []
    meet(known, 17, 3)
    [disorder] = disorders(known)
    assert (disorder.table.name, disorder.upwards, disorder.downwards) == ("public.accounts", 3, 1)


def test_who_must_wait_where_it_goes_to_tells_the_same() -> None:
    """A chain of three, each behind the next."""
    known = lock_store()
    chain(known, 3, 17, UPDATE)
    chain(known, 17, 3, UPDATE)
    assert len(disorders(known)) == 1


def test_transfers_are_batches_of_two() -> None:
    """What is taken from one row is given to another, by statements that differ."""
    known = lock_store()
    take, give = (f"update {{}} set v = v {sign} 10 where id = " for sign in "-+")
    for has, goes_to in (("3", "17"), ("17", "3")):
        waiter = Transaction(1, ("accounts",), waits_for=2, verb=take + has)
        look(known, waiter, Transaction(2, ("accounts",), verb=give + goes_to))
    assert len(disorders(known)) == 1


def test_coming_back_to_the_head_is_an_order() -> None:
    """Head 3, lines from 20 on, and head 3 again: each pair of statements goes one way."""
    known = lock_store()
    head, line = "update {} set sum = 1 where id = 3", "update {} set v = 1 where id = 20"
    for one, other in ((head, line), (line, head)):
        look(
            known,
            Transaction(1, ("accounts",), 2, verb=one),
            Transaction(2, ("accounts",), verb=other),
        )
    assert disorders(known) == []


def test_amounts_are_no_keys() -> None:
    """Who pays different sums into the same account goes nowhere."""
    known = lock_store()
    for one, other in ((100, 200), (200, 100)):
        meet(known, one, other, "update {{}} set v = v + {} where id = 7")
    assert disorders(known) == []


def test_a_key_of_another_table_tells_nothing() -> None:
    """The blocker has gone on to bookings; its key there is no key of accounts."""
    known = lock_store()
    for has, goes_to in ((3, 17), (17, 3)):
        waiter = Transaction(1, ("accounts",), waits_for=2, verb=UPDATE.format(has))
        other = Transaction(2, ("accounts", "bookings"), verb=UPDATE.format(goes_to))
        look(known, waiter, other)
    assert disorders(known) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (IN_PLACE, None, True),
        (UNTOUCHED, None, False),
        (UNTOUCHED, IN_PLACE, True),
        (UNTOUCHED, MOVING, False),
        (MOVING, MOVING, False),
    ],
)
def test_places_count_where_rows_stay(
    before: dict[str, Any], after: dict[str, Any] | None, found: bool
) -> None:
    """Without keys in the text, the pages tell; if updates are known, or later seen, to leave them
    in place."""
    known = lock_store(accounts(**before))
    for has, wants in ((3, 17), (17, 3), (4, 20), (20, 4)):
        chain(known, has, wants)
    if after:
        known.take(user_tables, Answer([accounts(**after)], 0.0))
        look(known)
    assert bool(disorders(known)) is found
    assert bool(known.batches.pending) is (before is UNTOUCHED and after is None)


def test_few_rows_that_moved_make_no_disorder() -> None:
    """Sorted batches meet a row now and then that is not where it was loaded."""
    known = lock_store(accounts(**IN_PLACE))
    for number in range(7):
        chain(known, number, number + 9)
    chain(known, 17, 3)
    chain(known, 18, 4)
    assert disorders(known) == []
    chain(known, 19, 5)
    assert len(disorders(known)) == 1


def test_where_keys_are_told_places_are_not_asked() -> None:
    """Both want row 7; the versions of it that they wait for are on pages far apart. And whose
    statement is not known may have had a key in it."""
    known = lock_store(accounts(**IN_PLACE))
    for has, wants in ((3, 17), (17, 3)) * 3:
        chain(known, has, wants, "update {} set v = v + 1 where id = 7")
        look(
            known,
            Transaction(1, ("accounts",), waits_for=2, row=(has, 1)),
            Transaction(2, ("accounts",), waits_for=3, row=(wants, 1), moves_on=True),
        )
    assert disorders(known) == []


def test_a_dropped_table_has_no_order() -> None:
    """Nor what waits to be believed of it."""
    known = lock_store(accounts(**UNTOUCHED))
    chain(known, 3, 17)
    meet(known, 3, 17)
    assert len(known.batches) == 2
    known.take(user_tables, Answer([], 1.0))
    assert len(known.batches) == 0


@pytest.mark.parametrize(
    ("one", "other", "rises"),
    [
        ("update t set v = 1 where id = 9", "update t set v = 1 where id = 10", True),
        ("update t set v = 1 where id = 10", "UPDATE  t set x = 3 where /* 8 */ id = 9", False),
        ("update t where id = '9'", "update t where id = '10'", True),
        ("update t where k = 'b'", "update t where k = 'a'", False),
        ("update t where k = 'a'", "update t where k = 'B'", None),
        ("update t where k = 'b'", "update t where k = 1", None),
        ("update t where id = 1.5", "update t where id = 2.5", None),
        ("update t set v = 1 where id = 1", "update t set v = 2 where id = 1", None),
        ("update t where id = 1 and n = 1", "update t where id = 2 and n = 2", None),
        ("update t where id = 1 and n = 1", "update t where id = 1 and n = 2", True),
        ("update t where id = 1", "update t where n = 2", None),
        ("update t where id = $1", "update t where id = $1", None),
        ("update t set v = 1", "update t set v = 2", None),
        (
            "insert into t (v, id) values (f(1, 2), 7) on conflict (id) do update set v = g(3)",
            "insert into t (v, id) values (f(3, 4), 5) on conflict (id) do update set v = g(1)",
            False,
        ),
        (
            "insert into t (id) values (7), (9) on conflict (id) do nothing",
            "insert into t (id) values (8), (9) on conflict (id) do nothing",
            None,
        ),
        (
            "insert into t values (7) on conflict (id) do nothing",
            "insert into t values (8) on conflict (id) do nothing",
            None,
        ),
        (None, "update t where id = 1", None),
    ],
)
def test_the_only_key_that_differs_tells_a_direction(
    one: str | None, other: str | None, rises: bool | None
) -> None:
    """Numbers by their value, texts where every alphabet agrees; anything else tells nothing."""
    has, goes_to = key_of(one), key_of(other)
    assert (has.rises_to(goes_to) if has and goes_to else None) is rises
