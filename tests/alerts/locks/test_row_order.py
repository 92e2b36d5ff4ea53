"""Rows of one table in no order: proved by a circle of keys, hinted at by two directions."""

from dataclasses import replace
from itertools import count, pairwise

import pytest

from alerts.locks.order import Disorder, LockStore, Table
from alerts.locks.order.conflict import transaction_of
from alerts.locks.order.keys import key_of
from alerts.locks.order.row_order import LATEST, ROWS, RowOrder
from collectors._base import Answer
from collectors.user_tables import user_tables
from tests.fixtures.transactions import Transaction, lock_store, look

UPDATE = "update {{}} set v = 1 where id = {}"
PARAMETER = "update {} set v = v + 1 where id = $1"


BEGAN = count()
"""Each transaction of these tests is another."""


def meet(known: LockStore, has: object, goes_to: object, verb: str = UPDATE) -> None:
    """One waits for the row `has` of another, whose statement is about the row `goes_to`."""
    began = str(next(BEGAN))
    waiter = Transaction(1, ("accounts",), waits_for=2, verb=verb.format(has), began=began)
    look(known, waiter, Transaction(2, ("accounts",), verb=verb.format(goes_to), began=began))


def chain(known: LockStore, has: object, wants: object, verb: str = UPDATE) -> None:
    """The same, and the other has to wait there too."""
    began = str(next(BEGAN))
    look(
        known,
        Transaction(1, ("accounts",), waits_for=2, verb=verb.format(has), began=began),
        Transaction(2, ("accounts",), waits_for=3, verb=verb.format(wants), began=began),
        Transaction(3, ("accounts",), began=began),
    )


def disorders(known: LockStore) -> list[Disorder]:
    return list(known.row_order.disorders(now=0.0))


def is_proved(known: LockStore) -> bool:
    return any(disorder.is_proved for disorder in disorders(known))


def test_the_same_two_keys_both_ways_are_a_proof() -> None:
    """Nobody waits for a row that it has: 3 before 17 here, 17 before 3 there."""
    known = lock_store()
    chain(known, 3, 17)
    assert disorders(known) == []
    chain(known, 17, 3)
    [disorder] = disorders(known)
    assert disorder.is_proved
    assert disorder.table.name == "public.accounts"


def test_a_circle_of_keys_is_a_proof_whatever_they_are() -> None:
    """No order of UUIDs explains three that go round."""
    known = lock_store()
    keys = [f"'{letter}0000000-0000-4000-8000-000000000000'" for letter in "adc"]
    for one, other in pairwise(keys):
        chain(known, one, other)
    assert not is_proved(known)
    chain(known, keys[2], keys[0])
    assert is_proved(known)


def test_two_directions_alone_are_a_hint() -> None:
    """Sorted by another column they look alike."""
    known = lock_store()
    chain(known, 3, 17)
    chain(known, 9, 4)
    [disorder] = disorders(known)
    assert not disorder.is_proved
    assert (disorder.upwards, disorder.downwards) == (1, 1)


def test_coming_back_for_a_fee_is_an_order() -> None:
    """The smaller number first, then the greater, then a fee on the first: by one kind of text."""
    known = lock_store()
    for _ in range(5):
        meet(known, 3, 9)
        meet(known, 9, 3)
    assert not is_proved(known)


def test_what_may_be_a_return_counts_once_certain_steps_go_both_ways() -> None:
    """Then it is neither sorted by this key, nor by another one without coming back."""
    for comes_back in (False, True):
        known = lock_store()
        meet(known, 3, 9)
        meet(known, 9, 3)
        chain(known, 5, 20)
        chain(known, 31, 8)
        if comes_back:  # others have waited for that row since before its statement began
            same = UPDATE.format(5)
            waiter = Transaction(1, ("accounts",), 2, verb=same, began="x", statement_began=1.0)
            blocker = Transaction(2, ("accounts",), verb=same, began="x", statement_began=9.0)
            look(known, waiter, blocker)
        assert is_proved(known) is not comes_back


def test_two_waits_of_one_transaction_are_a_certain_step() -> None:
    """It has waited for 3 and got it, and now waits for 17."""
    known = lock_store()
    for first, then in ((3, 17), (17, 3)):
        for number, row in enumerate((first, then)):
            verb = UPDATE.format(row)
            began = f"for {first}"
            one = Transaction(1, ("accounts",), 2, verb=verb, began=began, statement_began=number)
            look(known, one, Transaction(2, ("accounts",), verb="update {} set v = 2"))
    assert is_proved(known)


def test_who_waits_on_in_one_statement_has_got_nothing() -> None:
    """Two looks at one wait."""
    known = lock_store()
    for _ in range(2):
        chain(known, 3, 17)
    assert len(known.row_order.steps) == 1


def test_transfers_are_batches_of_two() -> None:
    """What is taken from one row is given to another, by statements that differ."""
    known = lock_store()
    take, give = (f"update {{}} set v = v {sign} 10 where id = " for sign in "-+")
    for has, goes_to in (("3", "17"), ("17", "3")):
        look(
            known,
            Transaction(1, ("accounts",), waits_for=2, verb=take + has, began=has),
            Transaction(2, ("accounts",), waits_for=3, verb=give + goes_to, began=has),
            Transaction(3, ("accounts",), began=has),
        )
    assert is_proved(known)


def test_amounts_are_no_keys() -> None:
    """Who pays different sums into the same account goes nowhere."""
    known = lock_store()
    for one, other in ((100, 200), (200, 100)):
        chain(known, one, other, "update {{}} set v = v + {} where id = 7")
    assert disorders(known) == []


def test_a_key_of_another_table_tells_nothing() -> None:
    """The blocker has gone on to bookings; its key there is no key of accounts."""
    known = lock_store()
    for has, goes_to in ((3, 17), (17, 3)):
        waiter = Transaction(1, ("accounts",), waits_for=2, verb=UPDATE.format(has))
        other = Transaction(2, ("accounts", "bookings"), waits_for=3, verb=UPDATE.format(goes_to))
        look(known, waiter, other, Transaction(3, ("bookings",)))
    assert not is_proved(known)


def test_pages_are_no_keys() -> None:
    """Rows that were loaded in random order; parameters in the statements: a hint at most."""
    known = lock_store()
    for has, wants in ((3, 17), (17, 3)) * 3:
        look(
            known,
            Transaction(1, ("accounts",), waits_for=2, verb=PARAMETER, row=(has, 1)),
            Transaction(2, ("accounts",), waits_for=3, verb=PARAMETER, row=(wants, 1)),
            Transaction(3, ("accounts",)),
        )
    [disorder] = disorders(known)
    assert not disorder.is_proved
    assert (disorder.conflicts, disorder.upwards) == (6, 0)


def test_a_dropped_table_has_no_order() -> None:
    """Nor a hint of one."""
    known = lock_store()
    chain(known, 3, 17)
    chain(known, 17, 3)
    known.take(user_tables, Answer([], 1.0))
    assert disorders(known) == []


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
        ("update t where id in (1)", "update t where id in (2)", True),
        ("update t where id <> 1 and n = 1", "update t where id <> 1 and n = 2", True),
        ("update t where d ->> 'id' = '1'", "update t where d ->> 'id' = '2'", True),
        (None, "update t where id = 1", None),
    ],
)
def test_the_only_key_that_differs_tells_a_direction(
    one: str | None, other: str | None, rises: bool | None
) -> None:
    """Numbers by their value, texts where every alphabet agrees; anything else tells nothing."""
    has, goes_to = key_of(one), key_of(other)
    assert (has.rises_to(goes_to) if has and goes_to else None) is rises


@pytest.mark.parametrize(
    "condition",
    [
        "id in (1, 2)",
        "n = 7 and id IN (f(1), 2)",
        "id = any ('{1,2}')",
        "id = 1 or id = 2",
        "id between 1 and 2",
        "id > 1",
        "id >= -1 and n = 3",
        "k like 'a%'",
        "k ~ '^a'",
        "tags @> '{a}'",
        "id = (select max(id) from u where n = 1)",
    ],
)
def test_a_statement_about_several_rows_has_no_key(condition: str) -> None:
    """Which of them it has already, and which it waits for, its text does not tell."""
    assert key_of(f"select v from t where {condition} order by id for update") is None
    assert key_of("select v from t where id = 1 order by id for update") is not None


def test_sorted_batches_are_no_circle() -> None:
    """Each list of keys is another text; all of them lock their rows in the order of the key."""
    known = lock_store()
    batch = "select v from {{}} where id in ({}, {}, {}) order by id for update"
    lists = ((5, 1, 2), (4, 2, 1), (1, 3, 4), (5, 1, 2))
    for has, wants in pairwise(lists):
        look(
            known,
            Transaction(1, ("accounts",), waits_for=2, verb=batch.format(*has)),
            Transaction(2, ("accounts",), waits_for=3, verb=batch.format(*wants)),
            Transaction(3, ("accounts",)),
        )
    assert not is_proved(known)


@pytest.mark.parametrize(
    ("end", "steps"),
    [("for no key update", 1), ("for key share", 0), ("for update skip locked", 0)],
)
def test_only_statements_that_lock_rows_are_steps(end: str, steps: int) -> None:
    """One that locks nothing against its like, or takes what is free, has no order of rows."""
    known, accounts = lock_store(), Table("shop", "public.accounts")
    for row in (3, 17):
        one = Transaction(1, ("accounts",), verb=f"select from {{}} where id = {row} {end}")
        known.row_order.learn_statement(one.session, accounts, 0.0)
    assert len(known.row_order.steps) == steps


def test_a_batch_of_many_rows_is_remembered_in_part() -> None:
    """Else each row would be a step from all before it: memory and time without bounds."""
    order, table = RowOrder(), Table("shop", "public.accounts")
    for row in range(300):
        statement = UPDATE.format(row).format("accounts")
        one = replace(Transaction(1, ("accounts",)).session, query=statement)
        order.learn_statement(one, table, 0.0)
    [held] = order.held.values()
    assert len(held.keys) == ROWS
    assert ROWS < len(held.steps) <= ROWS * LATEST


def test_waits_of_a_batch_are_remembered_in_part() -> None:
    """Each of its statements waits for a row, and holds those that it waited for before."""
    known = lock_store()
    for row in range(300):
        verb = UPDATE.format(row)
        waiter = Transaction(1, ("accounts",), waits_for=2, verb=verb, statement_began=float(row))
        look(known, waiter, Transaction(2, ("accounts",), began=str(row)))
    held = known.row_order.held[transaction_of(waiter.session)]
    assert len(held.keys) == ROWS
    assert ROWS < len(held.steps) <= ROWS * LATEST
