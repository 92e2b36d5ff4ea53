"""The lock order as a kind of history: frozen views, made anew only when something was learned."""

from alerts.history.memory import Memory, Namespace
from alerts.locks.order import LOCK_ORDER, LockOrderView
from alerts.locks.order.history import FRESH, LockOrderRecorder
from collectors._base import Answer
from collectors.activity import activity
from collectors.locks import locks
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import user_tables
from tests.fixtures.transactions import NAMES, PLACE, Transaction, filled, table

TABLES = tuple(map(table, NAMES))
INDEXES = [
    filled(UserIndex, indexrelid=one.relid + 1, relid=one.relid, relname=one.relname, **PLACE)
    for one in TABLES
]
FORTH = Transaction(1, ("accounts", "bookings"), waits_for=2)
BACK = Transaction(2, ("bookings", "accounts"))
CONTEST = Transaction(8, ("accounts",), waits_for=9), Transaction(9, ("accounts",))
"""Rows of accounts are waited for."""


def watching() -> LockOrderRecorder:
    recorder = LOCK_ORDER.recorder(Memory(), Namespace("7001", "db1", ""))
    recorder.learn(user_tables, Answer(TABLES, 0.0))
    recorder.learn(user_indexes, Answer(INDEXES, 0.0))
    look(recorder, *CONTEST)
    return recorder


def look(recorder: LockOrderRecorder, *transactions: Transaction, at: float = 0.0) -> LockOrderView:
    """What is known after one look at these transactions."""
    recorder.learn(activity, Answer([one.session for one in transactions], at))
    recorder.learn(locks, Answer([lock for one in transactions for lock in one.locks()], at))
    return recorder.view(at)


def test_a_view_stays_as_it_was() -> None:
    """Whatever is learned, dropped or begun anew afterwards: a judge may still be reading it."""
    watched = watching()
    before = look(watched, FORTH, BACK)
    risks, rows, size = before.risks, before.rows, before.size
    assert [len(risk.circle) for risk in risks] == [2]
    watched.learn(user_tables, Answer((), 10.0))
    after = look(watched, at=10.0)
    assert after.risks == ()
    watched.restart()
    assert watched.view(20.0).learned_at is None
    assert (before.risks, before.rows, before.size) == (risks, rows, size)
    assert before.graph.waits.keys() == {1}


def test_nothing_new_costs_nothing() -> None:
    """The same view until the next look; the same conclusions until one that teaches something."""
    watched = watching()
    first = look(watched, FORTH, BACK)
    assert watched.view(1.0) is first
    second = look(watched, BACK, at=2.0)
    assert second is not first
    assert second.lessons is first.lessons
    third = look(watched, FORTH, BACK, at=3.0)
    assert third.lessons is not first.lessons
    assert third.risks[0].weight > first.risks[0].weight


def test_weights_fade_without_a_look() -> None:
    """They are weighed anew after a while."""
    watched = watching()
    first = look(watched, FORTH, BACK)
    later = watched.view(FRESH)
    assert later.risks[0].weight < first.risks[0].weight


def test_a_table_without_a_name_is_told_by_its_database() -> None:
    """So that the tables of that database are read sooner."""
    watched = LOCK_ORDER.recorder(Memory(), Namespace("7001", "db1", ""))
    assert look(watched, FORTH, BACK).nameless == {"shop"}
    watched.learn(user_tables, Answer(TABLES, 1.0))
    assert look(watched, FORTH, BACK, at=1.0).nameless == frozenset()
