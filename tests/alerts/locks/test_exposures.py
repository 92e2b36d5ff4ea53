"""How transactions go on within milliseconds: a proof of their order, and of nothing else."""

from dataclasses import replace

import pytest

from alerts.locks.order import Level, LockStore
from alerts.locks.order.exposures import WHILE_WAITING
from collectors._base import Answer
from collectors.open_transactions import open_transactions
from tests.fixtures.transactions import Transaction, expose, lock_store, look

FORTH = Transaction(1, ("accounts", "bookings"), waits_for=2, slots=False)
BACK = Transaction(2, ("bookings",), slots=False, application="back office")
ONWARD = replace(BACK, path=("bookings", "accounts"))


def met() -> LockStore:
    """One came from accounts and waits at bookings, for one that has not been at accounts."""
    known = lock_store()
    assert [risk.level for risk in look(known, FORTH, BACK)] == []
    return known


def test_a_blocker_that_goes_on_to_where_the_waiter_came_from_is_a_proof() -> None:
    """It had the awaited row before it came to accounts."""
    known = met()
    assert expose(known, BACK, BACK) == []
    [risk] = expose(known, BACK, ONWARD)
    assert risk.level is Level.opposed
    assert risk.sightings[0].proof == WHILE_WAITING
    assert risk.sightings[0].waiter.statement == "update bookings"


def test_it_may_be_there_at_the_first_query() -> None:
    """The look at the locks was before that."""
    [risk] = expose(met(), ONWARD)
    assert risk.level is Level.opposed


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(replace(BACK, path=("bookings", "customers")), id="to another table"),
        pytest.param(replace(ONWARD, ends=True), id="in its next transaction"),
        pytest.param(replace(ONWARD, pid=3), id="another session"),
        pytest.param(
            replace(ONWARD, inserted=("accounts",), verb="insert into {} values (1)"),
            id="only inserts there",
        ),
        pytest.param(
            replace(ONWARD, shared=("accounts",), verb="insert into x"),
            id="checks a foreign key there",
        ),
        pytest.param(
            replace(
                ONWARD,
                shared=("accounts",),
                verb="select from {} limit 1 for update skip locked",
            ),
            id="takes what is free there",
        ),
    ],
)
def test_what_is_no_proof(later: Transaction) -> None:
    """Honest code meets like this all the time."""
    assert expose(met(), BACK, later) == []


def test_who_skips_what_is_locked_waits_for_nobody() -> None:
    """It takes a free row first, and changes that row then."""
    takes = replace(
        ONWARD, shared=("accounts",), verb="select from {} limit 1 for update skip locked"
    )
    changes = replace(ONWARD, statement_began=2.0)
    assert expose(met(), BACK, takes, changes) == []
    assert len(expose(met(), BACK, changes)) == 1


def test_what_the_blocker_had_before_is_no_step_onward() -> None:
    """It came from customers: that is no circle with those who go there from accounts."""
    known = lock_store()
    had = replace(BACK, path=("customers", "bookings"))
    look(known, FORTH, had)
    expose(known, had, replace(had, path=("customers", "bookings", "deliveries")))
    assert {link.goes_to.name for link in known.table_order.evidence.links.entries} == {
        "public.deliveries"
    }


def test_rows_that_nobody_waits_for_are_no_risk() -> None:
    """The one has rows of its own in accounts."""
    known = lock_store(contested=False)
    look(known, FORTH, BACK)
    assert expose(known, BACK, ONWARD) == []
    look(known, Transaction(8, ("accounts",), waits_for=9), Transaction(9, ("accounts",)))
    assert len(known.table_order.risks(0.0)) == 1


def test_three_in_a_circle() -> None:
    """Each meeting shows one step of it."""
    known = met()
    assert expose(known, BACK, replace(BACK, path=("bookings", "customers"))) == []
    look(
        known,
        Transaction(4, ("bookings", "customers"), waits_for=5, slots=False, application="x"),
        Transaction(5, ("customers",), slots=False, application="y"),
    )
    there = Transaction(5, ("customers", "accounts"), slots=False, application="y")
    [risk] = expose(known, there)
    assert [table.name for table in risk.circle] == [
        "public.accounts",
        "public.bookings",
        "public.customers",
    ]


def test_a_table_that_the_blocker_had_is_no_step_onward() -> None:
    """It was at accounts before; there it is seen with a row only now."""
    known = lock_store()
    had = replace(BACK, path=("accounts", "bookings"), inserted=("accounts",))
    look(known, FORTH, had)
    expose(known, had, replace(had, inserted=()))
    assert not known.table_order.evidence.links.entries


def test_a_session_that_has_come_since_the_look_is_not_known() -> None:
    """Nor is another one with the same pid."""
    known = met()
    known.sessions[2] = replace(known.sessions[2], backend_start_text="earlier")
    assert expose(known, BACK, ONWARD) == []


def test_a_wait_between_two_looks_is_seen() -> None:
    """With the row that it is about, whatever the statement is; and it counts once."""
    known = lock_store()
    forth = replace(FORTH, verb="call pay()")
    look(known, replace(forth, waits_for=None), BACK)
    queries = [(forth, BACK), (forth, BACK), (forth, ONWARD)]
    rows = [one.exposed(number) for number, both in enumerate(queries) for one in both]
    known.take(open_transactions, Answer(rows, 0.0))
    [risk] = known.table_order.risks(0.0)
    assert (risk.level, risk.weight) == (Level.opposed, 1.0)
    assert risk.sightings[0].ctid == (7, 3)
    assert known.table_order.reader.writers.by_its_waits(("app", "shop"), risk.circle[1], 0.0)  # type: ignore[arg-type]
