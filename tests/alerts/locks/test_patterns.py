"""Patterns of code that statements alone tell of: hints, with the statement and its cure."""

from collections.abc import Sequence

import pytest

from alerts.locks.order import Hint, LockStore, Pattern
from alerts.locks.order.conflict import actor_of
from collectors._base import Answer
from collectors.activity import Session, activity
from tests.fixtures.lock_rows import session
from tests.fixtures.transactions import Transaction, lock_store, look

SHARE = "select * from bookings where id = 1 for share"
CHANGE = "update bookings set v = 1 where id = 1"


def says(known: LockStore, *statements: str, pid: int = 1, began: str = "x") -> None:
    """One transaction, looked at after each of these statements."""
    for at, query in enumerate(statements, 1):
        person = session(
            pid, state="idle in transaction", query=query, query_start=at, xact_start_text=began
        )
        known.take(activity, Answer([person], 0.0))


def hints(known: LockStore) -> Sequence[Hint]:
    return known.table_order.hints(0.0)


def test_for_share_and_then_an_update_is_a_hint() -> None:
    """In one transaction; not in two, and not of another table."""
    known = lock_store()
    says(known, SHARE, "update accounts set v = 1", began="x")
    says(known, CHANGE, began="y")
    assert hints(known) == []
    says(known, SHARE, CHANGE, began="z")
    [hint] = hints(known)
    assert hint.habit.pattern is Pattern.upgrade
    assert hint.habit.tables == ("bookings",)
    assert hint.before
    assert hint.before.statement == "select * from bookings where id = ? for share"


@pytest.mark.parametrize(("end", "is_hint"), [("", True), (" skip locked", False)])
def test_workers_that_wait_for_jobs(end: str, is_hint: bool) -> None:
    """Who skips what is locked waits for nobody."""
    known = lock_store()
    take = f"select * from accounts order by id limit 1 for update{end}"
    waiting: list[Session] = [session(1, query=take, query_start=1.0, wait_event_type="Lock")]
    known.take(activity, Answer(waiting, 0.0))
    assert [hint.habit.pattern for hint in hints(known)] == [Pattern.queue] * is_hint


def test_tables_in_both_orders_are_a_hint_where_rows_are_waited_for() -> None:
    """Coming back to the first table is no other order."""
    other = "update accounts set v = 1 where id = 1"
    for contested in (True, False):
        known = lock_store(contested=contested)
        says(known, other, CHANGE, other, began="x")
        assert hints(known) == []
        says(known, CHANGE, other, began="y")
        assert [h.habit.pattern for h in hints(known)] == [Pattern.both_orders] * contested


def test_who_inserts_there_has_no_rows_by_its_locks() -> None:
    """A small table without a lock on its index: only a change of it counts, and it inserts."""
    for inserts in (False, True):
        known = lock_store(indexed=False)
        bare = {"inserted": ("accounts", "bookings")}
        look(known, Transaction(4, ("accounts",), 5, **bare), Transaction(5, ("accounts",), **bare))  # type: ignore[arg-type]
        if inserts:
            insert = "insert into accounts values (1)"
            person = session(9, application_name="shop", query=insert, query_start=1.0)
            known.take(activity, Answer([person], 0.0))
        forth = Transaction(1, ("accounts", "bookings"), waits_for=2, **bare)  # type: ignore[arg-type]
        risks = look(known, forth, Transaction(2, ("bookings", "accounts"), **bare))  # type: ignore[arg-type]
        assert bool(risks) is not inserts


@pytest.mark.parametrize(
    ("end", "inserts"), [("", True), (" on conflict (id) do update set v = 1", False)]
)
def test_an_upsert_changes_rows_too(end: str, inserts: bool) -> None:
    """Of who only inserts, the locks of a table tell of no changed row."""
    known = lock_store()
    says(known, f"insert into bookings values (1){end}")
    patterns, (person,) = known.table_order.reader.patterns, known.sessions.values()
    found = patterns.inserts_into(actor_of(person), person.datname or "", "bookings", 0.0)
    assert found is inserts
