"""Rows and advisory locks by who holds them: cycles of certain steps, and what is no proof."""

from collections.abc import Mapping, Sequence

import pytest

from alerts.locks.order import Level, LockStore
from alerts.locks.order.conflict import Party
from alerts.locks.order.held_order import LATELY, RowWait
from alerts.locks.order.row_order import KeyStep
from alerts.locks.order.sorted_statements import sorted_by
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
            None if relid is None else "id",
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
    statements: Mapping[int, str] | None = None,
) -> None:
    """`waits`: who waits for which key of whom."""
    texts = dict.fromkeys(range(1, 9), "update …") | dict(statements or {})
    parties = {n: Party(n, "app", "shop", None, None, text) for n, text in texts.items()}
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


BATCH = "select from {} where id in (?, ?) order by {} for update"
SORTED, OTHER = BATCH.format("accounts", "id"), BATCH.format("accounts", "rank")


@pytest.mark.parametrize(
    ("one", "other", "has", "is_proof"),
    [
        pytest.param(SORTED, OTHER, 9, True, id="by another column, downwards"),
        pytest.param(SORTED, OTHER, 5, False, id="by another column, upwards so far"),
        pytest.param(SORTED, SORTED, 9, False, id="two batches of one transaction"),
        pytest.param(OTHER, OTHER, 9, False, id="both by the other column"),
        pytest.param(SORTED.replace("id for", "id desc for"), OTHER, 9, False, id="descending"),
    ],
)
def test_a_step_against_a_statement_that_sorts_is_a_proof(
    one: str, other: str, has: int, is_proof: bool
) -> None:
    """They have waited for each other's rows, and one of them goes the other way."""
    known = lock_store()
    see(known, {"1": [has], "2": [7, 8]}, waits=[("1", 7, "2")], statements={1: other, 2: one})
    assert is_proved(known) is is_proof
    if is_proof:
        [disorder] = known.disorders(0.0)
        assert disorder.by_sorting
        assert [party.statement for party in disorder.parties] == [one, other]


def test_who_never_met_a_statement_that_sorts_does_not_contradict_it() -> None:
    """A gate may keep the two apart; a single row is no batch."""
    known = lock_store()
    see(known, {"1": [9], "2": [7, 8]}, waits=[("1", 7, "2")], statements={1: OTHER})
    see(known, {"3": [3], "4": [4]}, waits=[("3", 4, "4")], statements={3: OTHER, 4: SORTED})
    see(known, {"3": [3], "4": [4, 5]}, waits=[("3", 4, "4")], statements={4: SORTED})
    assert not is_proved(known)


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        ("select v from t where id in ($1, $2) order by id for update", "id"),
        ("SELECT v FROM t ORDER BY t.Id ASC, v LIMIT 5 FOR NO KEY UPDATE OF t", "id"),
        ('select v from t order by "Id" for update', "Id"),
        ("select v from t order by id desc for update", None),
        ("select v from t order by id % 7 for update", None),
        ("select v from t order by id for share", None),
        ("select v from t order by id for update skip locked", None),
        ("select v from t order by id", None),
        ("select v from t for update", None),
        ("select v from (select 1 order by id) for update", None),
        ("with x as (select v from t order by id for update) select 1 order by v", None),
        ("select work(1)", None),
        (None, None),
    ],
)
def test_the_column_that_a_statement_locks_by(statement: str | None, column: str | None) -> None:
    """Only where it locks all of its rows in ascending order, and waits for them."""
    assert sorted_by(statement) == column
