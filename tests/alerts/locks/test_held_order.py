"""Rows and advisory locks by who holds them: cycles of certain steps, and what is no proof."""

from collections.abc import Mapping, Sequence

from alerts.locks.order import Level, LockStore
from alerts.locks.order.conflict import Party
from alerts.locks.order.held_order import LATELY, RowWait
from alerts.locks.order.row_order import KeyStep
from collectors.held_rows import HeldRow
from tests.fixtures.transactions import OIDS, lock_store

ACCOUNTS = "shop", OIDS["accounts"]
ADVISORY = "shop", None
Held = Mapping[str, Sequence[int]]
"""Keys by transaction."""


def rows(exposures: Sequence[Held], relid: int | None, is_weak: bool) -> list[HeldRow]:
    return [
        HeldRow(
            "shop",
            relid,
            number,
            int(transaction),
            transaction,
            None if relid is None else key,
            None if relid is None else 1,
            f"0 {key} 1" if relid is None else str(key),
            is_weak,
        )
        for number, held in enumerate(exposures)
        for transaction, keys in held.items()
        for key in keys
    ]


def see(
    known: LockStore,
    *exposures: Held,
    waits: Sequence[tuple[str, int, str]] = (),
    where: tuple[str, int | None] = ACCOUNTS,
    is_weak: bool = False,
    at: float = 0.0,
) -> None:
    """`waits`: who waits for which key of whom."""
    parties = {n: Party(n, "app", "shop", None, None, "update …") for n in range(1, 9)}
    found = [
        RowWait(where, f"0 {key} 1" if where[1] is None else (key, 1), waiter, blocker)
        for waiter, key, blocker in waits
    ]
    read = rows(exposures, where[1], is_weak)
    known.held_order.learn(read, found, parties, known.tables, at)


def is_proved(known: LockStore, at: float = 0.0) -> bool:
    return any(disorder.is_proved for disorder in known.disorders(at))


def steps(known: LockStore) -> set[tuple[str, str]]:
    return {_keys(step) for step in known.held_order.steps.entries}


def _keys(step: KeyStep) -> tuple[str, str]:
    return step.one.key.values[0], step.other.key.values[0]


def test_what_comes_later_is_a_step() -> None:
    """Held now and not a moment ago; what was let go in between is none."""
    known = lock_store()
    see(known, {"1": [3], "2": [5, 4]}, {"1": [3, 7], "2": [4, 9]}, {"1": [7, 3, 1]})
    assert steps(known) == {("3", "7"), ("4", "9"), ("3", "1"), ("7", "1")}


def test_a_waiter_has_what_it_holds_before_what_it_waits_for() -> None:
    """Only while the one it waits for still holds that row."""
    known = lock_store()
    see(known, {"1": [3], "2": [7]}, waits=[("1", 7, "2")])
    see(known, {"1": [4], "3": [8]}, waits=[("1", 8, "2")])
    assert steps(known) == {("3", "7")}


def test_a_cycle_is_a_proof_where_two_with_several_rows_have_met() -> None:
    """Behind a gate they go round as well, and wait only for what holds a single row."""
    for holds, proved in (([7], False), ([7, 2], True)):
        known = lock_store()
        see(known, {"1": [3]}, {"1": [3, 7]})
        see(known, {"2": [7]}, {"2": [7, 3]})
        see(known, {"1": [5], "4": holds}, waits=[("1", 7, "4")])
        assert is_proved(known) is proved


def test_a_chain_of_waits_is_a_meeting() -> None:
    """A session that waits and is waited for has several rows, held or wanted."""
    known = lock_store()
    for has, wants in ((3, 7), (7, 3)):
        see(known, {"1": [9], "2": [has], "3": [wants]}, waits=[("1", has, "2"), ("2", wants, "3")])
    assert is_proved(known)


def test_locks_for_a_foreign_key_are_no_steps() -> None:
    """They keep no other update away; waits are told by their rows alone."""
    known = lock_store()
    see(known, {"1": [3]}, {"1": [3, 7]}, is_weak=True)
    see(known, {"1": [7], "2": [3, 1]}, waits=[("1", 3, "2")], is_weak=True)
    assert steps(known) == set()


def test_steps_long_apart_make_no_cycle() -> None:
    """Between them the code was changed."""
    known = lock_store()
    see(known, {"1": [3], "2": [7, 9]}, waits=[("1", 7, "2")], at=0.0)
    see(known, {"1": [7], "2": [3, 9]}, waits=[("1", 3, "2")], at=LATELY + 1)
    assert not is_proved(known, LATELY + 1)
    see(known, {"1": [3], "2": [7, 9]}, waits=[("1", 7, "2")], at=LATELY + 2)
    assert is_proved(known, LATELY + 2)


def test_advisory_locks_are_rows_of_a_table_of_their_own() -> None:
    """One risk of each database, and no table in no order."""
    known = lock_store()
    see(known, {"1": [3]}, {"1": [3, 7]}, where=ADVISORY)
    see(known, {"2": [7], "1": [3, 5]}, waits=[("2", 3, "1")], where=ADVISORY)
    [risk] = known.risks(0.0)
    assert risk.level is Level.opposed
    assert [end.name for end in risk.circle] == ["advisory locks"]
    assert not known.disorders(0.0)
