"""Signals of the lock order that neither a statement's first words nor an index tell."""

from dataclasses import replace

import pytest

from alerts.locks.order import Level, LockStore, Risk
from alerts.locks.order.advisory_order import STEPS, key_of
from alerts.locks.order.risks import AdvisoryKey
from collectors._base import Answer
from collectors.activity import activity
from collectors.locks import locks
from collectors.sequences import Sequence, sequences
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import lock, session
from tests.fixtures.transactions import (
    OIDS,
    Transaction,
    filled,
    lock_store,
    look,
    table,
)

SMALL = {"relpages": 1, "reltuples": 50.0}
UNSEEN = {"inserted": ("accounts", "bookings")}
"""A cached plan that reads tables from end to end leaves no lock on an index."""
FUNCTION = {**UNSEEN, "verb": "select pay()"}
"""And the statement does not name the table."""


def small_tables() -> LockStore:
    return lock_store(table("accounts", **SMALL), table("bookings", **SMALL))


def opposed(known: LockStore, **given: object) -> list[Risk]:
    """Whether a meeting of both orders is understood, with the order of locks known."""
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, **given)  # type: ignore[arg-type]
    back = Transaction(2, ("bookings", "accounts"), **given)  # type: ignore[arg-type]
    return look(known, forth, back)


def test_who_waited_to_change_a_row_changes_rows() -> None:
    """By application; small tables only, of which no lock on an index is needed."""
    known = small_tables()
    assert opposed(known, **FUNCTION) == []
    waits = Transaction(4, ("accounts",), waits_for=5, **FUNCTION)  # type: ignore[arg-type]
    look(known, waits, Transaction(5, ("accounts",), **FUNCTION))  # type: ignore[arg-type]
    [risk] = opposed(known, **FUNCTION)
    assert risk.level is Level.opposed


def test_a_conflict_is_understood_later() -> None:
    """When a wait shows that its application changes rows there; not where others wait."""
    for application, is_known in (("other", False), ("shop", True)):
        known = small_tables()
        assert opposed(known, **FUNCTION) == []
        for here in ("accounts", "bookings"):
            given = {**UNSEEN, "application": application, "verb": f"call of_{application}()"}
            waits = Transaction(4, (here,), waits_for=5, **given)  # type: ignore[arg-type]
            risks = look(known, waits, Transaction(5, (here,), **given), at=1.0)  # type: ignore[arg-type]
        assert [risk.level for risk in risks] == [Level.opposed] * is_known


@pytest.mark.parametrize(
    "accounts",
    [
        table("accounts", relpages=500, reltuples=50_000.0),
        table("accounts", relpages=0, reltuples=-1.0),
    ],
)
def test_large_tables_are_looked_up_by_an_index(accounts: UserTable) -> None:
    """Where there is none among the locks, rows were inserted only; so too where the planner does
    not know how small it is. An update that shows none has read the table from end to end."""
    known = lock_store(accounts, table("bookings", **SMALL))
    waits = Transaction(4, ("accounts",), waits_for=5, verb="call pay()", **UNSEEN)  # type: ignore[arg-type]
    look(known, waits, Transaction(5, ("accounts",), verb="call pay()", **UNSEEN))  # type: ignore[arg-type]
    last = Transaction(2, ("bookings", "accounts"), last="bookings", **UNSEEN)  # type: ignore[arg-type]
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, **UNSEEN)  # type: ignore[arg-type]
    assert look(known, forth, last) == []
    look(known, replace(waits, verb="update {}"), Transaction(5, ("accounts",)))
    [risk] = look(known, forth, last)
    assert risk.level is Level.opposed


def test_a_table_that_grows_is_inserted_into() -> None:
    """Between two answers; then a lock without one on an index tells nothing."""
    known = small_tables()
    waits = Transaction(4, ("accounts",), waits_for=5, **UNSEEN)  # type: ignore[arg-type]
    look(known, waits, Transaction(5, ("accounts",), **UNSEEN))  # type: ignore[arg-type]
    grown = table("accounts", **SMALL, n_tup_ins=7), table("bookings", **SMALL)
    known.take(user_tables, Answer(grown, 1.0))
    assert opposed(known, **UNSEEN) == []


def test_whoever_took_a_number_for_a_new_row_has_inserted() -> None:
    """The sequence of the table is among the locks."""
    known = small_tables()
    waits = Transaction(4, ("accounts",), waits_for=5, **UNSEEN)  # type: ignore[arg-type]
    look(known, waits, Transaction(5, ("accounts",), **UNSEEN))  # type: ignore[arg-type]
    owned = filled(
        Sequence,
        datname="shop",
        relid=OIDS["accounts"] + 5,
        schemaname="public",
        sequencename="accounts_id_seq",
        table_schemaname="public",
        relname="accounts",
    )
    known.take(sequences, Answer([owned], 0.0))
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, **UNSEEN)  # type: ignore[arg-type]
    back = Transaction(2, ("bookings", "accounts"), last="bookings", **UNSEEN)  # type: ignore[arg-type]
    rows = [*forth.locks(), *back.locks()]
    number = OIDS["accounts"] + 5
    inserting = [
        replace(row, writes=[*row.writes, number], slots=[*row.slots, 0]) if row.pid == 1 else row
        for row in rows
    ]
    known.take(activity, Answer([forth.session, back.session], 0.0))
    known.take(locks, Answer(inserting, 0.0))
    assert known.table_order.risks(0.0) == []


def test_a_function_of_several_tables_tells_its_order_by_its_waits() -> None:
    """Its text has no target; its like waited at accounts with bookings in hand."""
    known = lock_store()
    back = "select back(1, 2)"
    waits = Transaction(4, ("bookings", "accounts"), 5, verb=back, slots=False, whole=True)
    look(known, waits, Transaction(5, ("accounts",), application="other"))
    forth = Transaction(
        1, ("accounts", "bookings"), 2, verb="select forth(1, 2)", slots=False, whole=True
    )
    [risk] = look(known, forth, Transaction(2, ("bookings",), verb=back, slots=False, whole=True))
    assert risk.level is Level.opposed
    assert risk.sightings[0].proof == "its statement, and waits of the same statement"


def test_who_waits_itself_proves_where_it_goes() -> None:
    """A chain of three at one look, without an order of locks."""
    known = lock_store()
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, slots=False)
    back = Transaction(2, ("bookings", "accounts"), waits_for=3, slots=False)
    [risk] = look(known, forth, back, Transaction(3, ("accounts",), application="other"))
    assert risk.level is Level.opposed
    assert risk.sightings[0].proof == "its own wait"


@pytest.mark.parametrize(
    ("classid", "objid", "objsubid", "name"),
    [
        (0, 7, 1, "advisory lock 7"),
        (1, 0, 1, "advisory lock 4294967296"),
        (0xFFFFFFFF, 0xFFFFFFFF, 1, "advisory lock -1"),
        (3, 0xFFFFFFFE, 2, "advisory lock (3, -2)"),
    ],
)
def test_advisory_locks_are_called_as_in_code(
    classid: int, objid: int, objsubid: int, name: str
) -> None:
    """One number of eight bytes, or two of four."""
    held = lock(1, "advisory", classid=classid, objid=objid, objsubid=objsubid)
    assert key_of(held).name == name


def wait(known: LockStore, holds: int, wants: int, gates: tuple[int, ...] = ()) -> list[Risk]:
    """One holds an advisory lock, and waits for another that somebody else has."""
    about = {"classid": 0, "objsubid": 1, "objid": wants, "tag": wants}
    began = f"{holds} {wants}"
    waits = {"keys": (holds, *gates), "gates": (holds, *gates), "xact_start_text": began}
    rows = [
        lock(1, "advisory", 0.5, key_numbers=(f"0 {holds} 1",), **waits, **about),
        lock(2, "advisory", gates=(wants, *gates), keys=(wants, *gates), **about),
    ]
    waiter = session(1, query="a", xact_start_text=began)
    known.take(activity, Answer([waiter, session(2, query="b")], 0.0))
    known.take(locks, Answer(rows, 0.0))
    return known.table_order.risks(0.0)


def test_a_circle_of_advisory_locks_is_a_proof() -> None:
    """Two both ways; three in a circle; not where one more lock keeps them apart."""
    known = LockStore()
    assert wait(known, 7, 8) == []
    [risk] = wait(known, 8, 7)
    assert [end.name for end in risk.circle] == ["advisory lock 7", "advisory lock 8"]
    known = LockStore()
    for holds, wants in ((1, 5), (5, 3), (3, 1)):
        risks = wait(known, holds, wants)
    assert [(risk.level, len(risk.circle)) for risk in risks] == [(Level.opposed, 3)]
    known = LockStore()
    wait(known, 7, 8, gates=(99,))
    assert all(risk.level is Level.both_ways for risk in wait(known, 8, 7, gates=(99,)))


def test_names_of_advisory_locks_are_forgotten() -> None:
    """Most who wait hold no other one, each of another number; steps keep their names."""
    known = LockStore()
    wait(known, 7, 8)
    order = known.table_order.advisory
    for number in range(5 * STEPS):
        order.names[-number] = AdvisoryKey("shop", str(number))
    about = {"classid": 0, "objid": 9, "objsubid": 1, "tag": 9}
    rows = [lock(1, "advisory", 0.5, **about), lock(2, "advisory", gates=(9,), **about)]
    known.take(activity, Answer([session(1, query="a"), session(2, query="b")], 0.0))
    known.take(locks, Answer(rows, 0.0))
    assert order.names.keys() == {8, 9}
    [risk] = wait(known, 8, 7)
    assert [end.name for end in risk.circle] == ["advisory lock 7", "advisory lock 8"]


@pytest.mark.parametrize(
    ("steps", "is_proved"),
    [
        pytest.param([(0, 1), (1, 5), (5, 2)], False, id="parents of 3 and more, then children"),
        pytest.param([(90, 12), (91, 13), (12, 20), (90, 95)], False, id="each class is sorted"),
        pytest.param(
            [(29, 24), (22, 33), (23, 9), (17, 31), (31, 34)],
            True,
            id="no border between two classes",
        ),
        pytest.param([(20, 10), (10, 20_000), (15, 12), (12, 19)], True, id="up and down"),
        pytest.param([(1, 5), (5, 9), (70, 4), (71, 3), (72, 2)], False, id="a lock of its own"),
        pytest.param([(2**30, 9), (5, 2**29), (2**29, 7), (7, 2**28)], False, id="hashes"),
    ],
)
def test_two_directions_of_advisory_locks(steps: list[tuple[int, int]], is_proved: bool) -> None:
    """They are a proof where no order of numbers explains them, and a hint before."""
    known = LockStore()
    for holds, wants in steps:
        risks = wait(known, holds, wants)
    [risk] = risks
    assert risk.level is (Level.opposed if is_proved else Level.both_ways)
    assert [end.name for end in risk.circle] == ["advisory locks"]


def test_many_advisory_locks_without_an_order_are_one_warning() -> None:
    """Its name stays the same while more of them are seen."""
    known = LockStore()
    for holds, wants in ((1, 2), (2, 3), (3, 4), (4, 1)):
        risks = wait(known, holds, wants)
    assert [(risk.level, [end.name for end in risk.circle]) for risk in risks] == [
        (Level.opposed, ["advisory locks"])
    ]
