"""A conflict whose waiter goes on to where its blocker came from is a proof; nothing else is."""

from dataclasses import replace

import pytest

from alerts.locks.order import Level, LockStore
from alerts.locks.order.table_successors import NEXT
from tests.fixtures.transactions import Transaction, expose, lock_store, look, table

BLOCKER = Transaction(2, ("accounts", "bookings"), application="back office")
WAITER = Transaction(1, ("bookings",), waits_for=2, slots=False)
THERE = replace(WAITER, path=("bookings", "accounts"), waits_for=None)


def met() -> LockStore:
    """One came from accounts to bookings; another waits for it there, with nothing in hand."""
    known = lock_store()
    assert look(known, WAITER, BLOCKER) == []
    return known


def test_a_waiter_that_goes_on_to_where_the_blocker_came_from_is_a_proof() -> None:
    """In a query after its wait, or at the next look where it waits again."""
    [risk] = expose(met(), THERE)
    assert risk.level is Level.opposed
    [seen] = risk.sightings
    assert seen.proof == f"the order of its locks, {NEXT}"
    assert (seen.waiter.pid, seen.blocker.pid) == (1, 2)
    again = replace(THERE, waits_for=3)
    [risk] = look(met(), again, Transaction(3, ("accounts",), application="x"))
    assert risk.level is Level.opposed


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(replace(THERE, path=("bookings", "customers")), id="to another table"),
        pytest.param(replace(THERE, began="later"), id="in its next transaction"),
        pytest.param(replace(THERE, pid=3), id="another session"),
        pytest.param(replace(THERE, path=("bookings",)), id="nowhere yet"),
        pytest.param(
            replace(THERE, inserted=("accounts",), verb="insert into {} values (1)"),
            id="only inserts there",
        ),
        pytest.param(
            replace(THERE, shared=("accounts",), verb="insert into x"),
            id="checks a foreign key there",
        ),
        pytest.param(
            replace(
                THERE, shared=("accounts",), verb="select from {} limit 1 for update skip locked"
            ),
            id="takes what is free there",
        ),
    ],
)
def test_what_is_no_proof(later: Transaction) -> None:
    """Honest code goes on after each wait."""
    assert expose(met(), later) == []


@pytest.mark.parametrize(
    ("waiter", "blocker"),
    [
        pytest.param(WAITER, replace(BLOCKER, slots=False), id="the blocker's order is not known"),
        pytest.param(
            WAITER, replace(BLOCKER, path=("bookings", "accounts")), id="it went the same way"
        ),
        pytest.param(
            replace(WAITER, path=("accounts", "bookings"), shared=("accounts",)),
            BLOCKER,
            id="the waiter has been there",
        ),
        pytest.param(WAITER, replace(BLOCKER, inserted=("accounts",)), id="it only inserted there"),
    ],
)
def test_what_expects_nothing(waiter: Transaction, blocker: Transaction) -> None:
    """Where it is open which way they went, or where both went the same way."""
    known = lock_store()
    look(known, waiter, blocker)
    there = replace(waiter, path=(*waiter.path, "accounts"), shared=(), waits_for=None)
    assert expose(known, there) == []


def test_rows_that_nobody_waits_for_are_no_risk() -> None:
    """Each session has a row of its own in accounts."""
    known = lock_store(contested=False)
    look(known, WAITER, BLOCKER)
    assert expose(known, THERE) == []


def test_a_blocker_that_comes_back_is_no_proof() -> None:
    """Its kind has a row of its own in accounts first, and a shared one after bookings."""
    known = met()
    [risk] = expose(known, THERE)
    assert risk.level is Level.opposed
    back = replace(BLOCKER, last="accounts", waits_for=3)
    look(known, back, Transaction(3, ("accounts",), application="x"))
    assert known.table_order.risks(0.0) == []


def test_waits_of_its_kind_tell_where_a_waiter_goes() -> None:
    """Another one of its application waited at accounts with bookings in hand."""
    known = met()
    alike = Transaction(4, ("bookings", "accounts"), waits_for=5, slots=False)
    [risk] = look(known, alike, Transaction(5, ("accounts",), application="x"))
    assert risk.level is Level.opposed
    assert risk.sightings[0].by_waiter
    gated = lock_store()
    look(gated, WAITER, replace(BLOCKER, gates=(7,)))
    behind = replace(alike, gates=(7,))
    risks = look(gated, behind, Transaction(5, ("accounts",), application="x"))
    assert [risk.level for risk in risks] == [], "it goes there behind a gate of both only"


def test_a_dropped_table_is_forgotten() -> None:
    """With all that was learned of it."""
    known = met()
    assert expose(known, THERE)
    known.table_order.forget({table_ for table_ in known.tables.oids if "accounts" in table_.name})
    assert len(known.table_order.evidence.successors) == 0


@pytest.mark.parametrize("has_triggers", [False, True])
def test_select_for_update_in_functions_is_known_by_waits(has_triggers: bool) -> None:
    """A lock that allows no change is that of a foreign key, if the table has triggers."""
    known = lock_store(table("accounts", has_triggers=has_triggers), table("bookings"))
    waits = Transaction(4, ("accounts",), 5, verb="select pay()", shared=("accounts",))
    look(known, waits, Transaction(5, ("accounts",), verb="select pay()", shared=("accounts",)))
    forth = Transaction(1, ("accounts", "bookings"), 2, verb="select a()", shared=("accounts",))
    back = Transaction(2, ("bookings", "accounts"), verb="select b()", shared=("accounts",))
    risks = look(known, forth, back)
    assert [risk.level for risk in risks] == [Level.opposed] * (not has_triggers)
