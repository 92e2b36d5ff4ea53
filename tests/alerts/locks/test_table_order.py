"""Lock orders: one meeting is enough to warn, and honest code is never warned of."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.locks.graph import LockGraph
from alerts.locks.order import Level, LockStore, Risk, Table
from alerts.locks.order.conflict import Scene
from alerts.locks.order.decay import FORGOTTEN, HALF_LIFE, DecayingTable
from alerts.locks.order.footprint import Footprint
from alerts.locks.order.row_writers import RowWriters
from alerts.locks.order.table_order import MOST_ROWS
from alerts.locks.order.table_steps import Steps
from alerts.locks.order.target import target_of
from collectors._base import Absence, Answer
from collectors.user_tables import user_tables
from tests.fixtures.transactions import NAMES, Transaction, lock_store, look, table

DAY = 86_400.0


def circle(risk: Risk) -> tuple[str, ...]:
    return tuple(table.name.removeprefix("public.") for table in risk.circle)


FORTH = Transaction(1, ("accounts", "bookings"), waits_for=2)
BACK = Transaction(2, ("bookings", "accounts"))


def test_one_meeting_is_enough() -> None:
    """Who waits came from accounts to bookings, and whom it waits for went the other way."""
    [risk] = look(lock_store(), FORTH, BACK)
    assert risk.level is Level.opposed
    assert circle(risk) == ("accounts", "bookings")
    [seen] = risk.sightings
    assert (seen.waiter.statement, seen.blocker.statement) == ("update bookings", "update accounts")
    assert seen.ctid == (7, 3)


def test_rows_that_nobody_waits_for_are_no_risk() -> None:
    """Each has a row of its own in accounts, beside a counter that all share in bookings."""
    known = lock_store(contested=False)
    assert look(known, FORTH, BACK) == []
    look(known, Transaction(8, ("accounts",), waits_for=9), Transaction(9, ("accounts",)))
    [risk] = known.table_order.risks(0.0)
    assert risk.level is Level.opposed


def test_waiting_for_ones_like_is_no_risk() -> None:
    """Everybody takes accounts before bookings, and they do meet."""
    ahead = Transaction(2, ("accounts", "bookings"))
    assert look(lock_store(), FORTH, ahead) == []


def test_coming_back_to_ones_own_row_is_no_risk() -> None:
    """The head of an order, its lines, and the head again: its last statement misleads nobody."""
    for slots in (True, False):
        known = lock_store()
        again = Transaction(2, ("accounts", "bookings"), last="accounts", slots=slots)
        single = Transaction(3, ("bookings",))
        assert look(known, FORTH, again) == []
        assert look(known, Transaction(1, ("accounts", "bookings"), 3), single, again) == []


def test_without_an_order_of_locks_waits_tell_it() -> None:
    """Nobody waits for a row of its own: a wait at accounts with bookings in hand is an order."""
    known = lock_store()
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, slots=False)
    back = Transaction(2, ("bookings", "accounts"), slots=False)
    assert look(known, forth, back) == []
    other = Transaction(4, ("bookings", "accounts"), waits_for=5, slots=False)
    [risk] = look(known, other, Transaction(5, ("accounts",), application="other"))
    assert risk.level is Level.opposed, "the meeting was before the wait that proves it"


def test_two_looks_at_one_transaction_tell_its_order() -> None:
    """First it had bookings alone, then accounts too."""
    known = lock_store()
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, slots=False)
    assert look(known, forth, Transaction(2, ("bookings",), slots=False)) == []
    [risk] = look(known, forth, Transaction(2, ("bookings", "accounts"), slots=False))
    assert risk.level is Level.opposed


def test_looks_at_two_transactions_of_one_session_tell_nothing() -> None:
    """The first had bookings; the next is another transaction, and began with accounts."""
    known = lock_store()
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, slots=False)
    look(known, forth, Transaction(2, ("bookings",), slots=False))
    later = Transaction(2, ("accounts", "bookings"), slots=False, began="later", last="accounts")
    assert look(known, forth, later) == []


def test_whom_it_waits_for_may_be_quick() -> None:
    """Its locks tell where it has been, whatever it says now; a next transaction tells nothing."""
    [risk] = look(lock_store(), FORTH, replace(BACK, moves_on=True))
    assert risk.sightings[0].blocker.statement == "update accounts"
    assert look(lock_store(), FORTH, replace(BACK, ends=True)) == []
    assert look(lock_store(), replace(FORTH, moves_on=True), BACK) == []
    unsure = replace(BACK, moves_on=True, slots=False)
    known = lock_store()
    other = Transaction(4, ("bookings", "accounts"), waits_for=5, slots=False)
    look(known, other, Transaction(5, ("accounts",), application="other"))
    forth = replace(FORTH, slots=False)
    assert [risk.level for risk in look(known, forth, unsure)] != [Level.opposed]
    [risk] = look(known, forth, replace(unsure, moves_on=False))
    assert risk.level is Level.opposed


@pytest.mark.parametrize(
    ("path", "application", "level"),
    [
        (("bookings",), "other", Level.both_ways),
        (("customers", "bookings"), "shop", Level.both_ways),
        (("bookings",), "shop", Level.opposed),
    ],
)
def test_what_others_do_next(path: tuple[str, ...], application: str, level: Level) -> None:
    """Others go on to accounts, with rows of their own; but after the same tables, in the same
    application, it is the same code."""
    known = lock_store()
    alone = Transaction(5, ("accounts",), application="batch")
    look(known, Transaction(4, ("bookings", "accounts"), waits_for=5), alone)
    blocker = Transaction(2, path, application=application)
    assert [risk.level for risk in look(known, FORTH, blocker)] == [level]


@pytest.mark.parametrize("kind", ["inserted", "shared"])
def test_new_rows_and_foreign_keys_are_no_risk(kind: str) -> None:
    """Nobody else can want a row that was just inserted; a check of a key excludes no update."""
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, **{kind: ("accounts",)})  # type: ignore[arg-type]
    assert look(lock_store(), forth, BACK) == []


def test_select_for_update_counts_once_it_is_known() -> None:
    """Its locks look like those of a foreign key; its statement tells."""
    known = lock_store()
    select = "select * from {} for update"
    look(
        known,
        Transaction(8, ("accounts",), 9, shared=("accounts",), verb=select),
        Transaction(9, ("accounts",)),
    )
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, shared=("accounts",))
    [risk] = look(known, forth, BACK)
    assert risk.level is Level.opposed


def test_who_skips_what_is_locked_waits_for_nobody() -> None:
    """A worker counts first and takes a job then, the other way round than everybody else."""
    known = lock_store()
    verb = "select from {} limit 1 for update skip locked"
    worker = Transaction(2, ("bookings", "accounts"), shared=("accounts",), verb=verb)
    assert look(known, FORTH, worker) == []
    done = Transaction(2, ("bookings", "accounts"), began="later")
    assert look(known, FORTH, done) == []
    waits = Transaction(2, ("bookings", "accounts"), waits_for=3, began="at last")
    [risk] = look(known, waits, Transaction(3, ("accounts",), application="other"))
    assert risk.level is Level.opposed, "where it waits after all, it is no worker"


def test_coming_back_for_another_row_is_no_risk() -> None:
    """A row of its own in bookings, then accounts, then a row of bookings that all share."""
    known = lock_store()
    own_first = Transaction(2, ("bookings", "accounts"), last="bookings")
    assert look(known, FORTH, own_first) != []
    again = Transaction(3, ("bookings", "accounts"), waits_for=2, last="bookings")
    assert look(known, again, own_first) == []


def test_three_in_a_circle() -> None:
    """No two of them are opposed; two meetings prove the circle of three."""
    known = lock_store()
    ab = Transaction(1, ("accounts", "bookings"), waits_for=2)
    bc = Transaction(2, ("bookings", "customers"))
    assert look(known, ab, bc) == []
    ca = Transaction(3, ("customers", "accounts"))
    [risk] = look(known, Transaction(2, ("bookings", "customers"), waits_for=3), ca)
    assert risk.level is Level.opposed
    assert circle(risk) == ("accounts", "bookings", "customers")


def test_waits_both_ways_without_a_meeting_are_a_hint() -> None:
    """Those whom they waited for had one table only; unless a gate keeps them apart."""
    for gates, hint in (((), [Level.both_ways]), ((42,), [])):
        known = lock_store()
        for here, there in (("bookings", "accounts"), ("accounts", "bookings")):
            one = Transaction(1, (there, here), 2, application=here, gates=gates)
            risks = look(known, one, Transaction(2, (here,), application="other"))
        assert [risk.level for risk in risks] == hint


def test_a_risk_fades() -> None:
    """Repaired code is believed after some days without a meeting."""
    known = lock_store()
    [risk] = look(known, FORTH, BACK, at=1000.0)
    assert (risk.first, risk.last, risk.weight) == (1000.0, 1000.0, 1.0)
    assert known.table_order.risks(1000.0 + DAY)[0].weight == pytest.approx(0.5)
    assert known.table_order.risks(1000.0 + 4 * DAY) == []


def test_nothing_is_learned_of_tables_without_a_name() -> None:
    """What can't be named can't be told; it is learned once the names are there."""
    known = LockStore()
    assert look(known, FORTH, BACK) == []


@pytest.mark.parametrize("indexed", [True, False])
def test_partitions_count_as_their_root(indexed: bool) -> None:
    """Two partitions of one table are no two tables."""
    root = {"root_relid": 7, "root_schemaname": "public", "root_relname": "All bookings"}
    known = lock_store(table("accounts", **root), table("bookings", **root), indexed=indexed)
    assert look(known, FORTH, BACK) == []
    beside = lock_store(table("accounts"), table("bookings", **root))
    [risk] = look(beside, FORTH, BACK)
    assert circle(risk) == ('"All bookings"', "accounts")


def test_what_is_learned_of_a_table_goes_with_it() -> None:
    """Dropped, or made anew under the same name; not when its database could not be asked."""
    for tables, missing, left in (
        ((table("accounts"), table("bookings")), {}, 1),
        ((table("accounts"),), {}, 0),
        ((table("accounts"),), {"shop": Absence("a timeout")}, 1),
        ((table("accounts"), table("bookings", relid=9999)), {}, 0),
    ):
        known = lock_store()
        look(known, FORTH, BACK)
        assert known.size
        known.take(user_tables, Answer(tables, 1.0, missing))
        assert len(known.table_order.risks(1.0)) == left
        assert bool(known.table_order.evidence.links.entries) == bool(left)


def test_a_table_without_an_index() -> None:
    """There a change leaves the same locks as an INSERT; that its kind changes rows is learned."""
    bare = {"inserted": ("accounts", "bookings")}
    known = lock_store(indexed=False)
    forth = Transaction(1, ("accounts", "bookings"), waits_for=2, **bare)  # type: ignore[arg-type]
    assert look(known, forth, Transaction(2, ("bookings", "accounts"), **bare)) == []  # type: ignore[arg-type]
    look(known, Transaction(4, ("accounts",), 5, **bare), Transaction(5, ("accounts",), **bare))  # type: ignore[arg-type]
    [risk] = look(known, forth, Transaction(2, ("bookings", "accounts"), **bare))  # type: ignore[arg-type]
    assert risk.level is Level.opposed


def office(pid: int, *path: str, waits_for: int | None = None) -> Transaction:
    return Transaction(pid, path, waits_for, application="office")


def test_a_meeting_that_is_read_once_more_counts_once() -> None:
    """That the waiter changes rows of customers is learned later; of accounts it was known."""
    known = lock_store(indexed=False)
    for name in ("accounts", "bookings"):
        look(known, office(6, name, waits_for=7), office(7, name))
    look(known, Transaction(4, ("accounts",), 5), Transaction(5, ("accounts",)))
    waiter = Transaction(1, ("accounts", "customers", "bookings"), waits_for=2)
    [risk] = look(known, waiter, office(2, "bookings", "accounts"), at=1.0)
    assert risk.weight == pytest.approx(1, rel=1e-3)
    look(known, Transaction(4, ("customers",), 5), Transaction(5, ("customers",)), at=2.0)
    [unsure] = known.table_order.unsure
    assert "public.customers" in {one.name for one in unsure.waiter}
    [risk] = look(known, at=3.0)
    assert risk.weight == pytest.approx(1, rel=1e-3)


def test_a_look_at_a_crowd_is_not_kept_for_later() -> None:
    """Each that is kept takes memory by its locks."""
    crowd = [Transaction(100 + n, ("deliveries",)) for n in range(MOST_ROWS)]
    for others, kept in (((), 1), (crowd, 0)):
        known = lock_store(indexed=False)
        look(known, FORTH, BACK, *others)
        assert len(known.table_order.unsure) == kept


def test_who_was_everywhere_is_no_link_of_a_longer_circle() -> None:
    """It came from accounts too: that is one order, and the pair at its end is the danger."""
    known = lock_store()
    ahead = Transaction(2, ("accounts", "bookings", "customers"))
    assert look(known, FORTH, ahead) == []
    back = Transaction(3, ("customers", "accounts"))
    waits = Transaction(2, ("accounts", "bookings", "customers"), waits_for=3)
    risks = look(known, waits, back)
    assert [circle(risk) for risk in risks] == [("accounts", "customers")]


TABLE_PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True).map(
    lambda names: tuple(sorted(names))
)


@st.composite
def honest_looks(draw: st.DrawFn) -> list[list[Transaction]]:
    """Looks at transactions that all take tables in the order of their names."""
    looks: list[list[Transaction]] = []
    for _ in range(draw(st.integers(1, 6))):
        slots = draw(st.booleans())
        transactions = [
            Transaction(pid, path, slots=slots, began=f"{len(looks)}")
            for pid, path in enumerate(draw(st.lists(TABLE_PATHS, min_size=2, max_size=5)), 1)
        ]
        waiting = []
        for ahead, one in pairwise(transactions):
            if one.here in ahead.path:
                one = Transaction(one.pid, one.path, ahead.pid, slots=slots, began=one.began)
            waiting.append(one)
        looks.append([transactions[0], *waiting])
    return looks


@given(honest_looks())
def test_one_order_is_never_a_risk(looks: Sequence[Sequence[Transaction]]) -> None:
    """For any conflicts, and any locks."""
    known = lock_store()
    for at, transactions in enumerate(looks):
        assert look(known, *transactions, at=float(at)) == []


@given(st.lists(st.integers(0, 400), max_size=300), st.integers(1, 30))
def test_memory_is_bounded_and_forgets_the_lightest(seen: list[int], most: int) -> None:
    """However many different things are seen; what was just seen is known."""
    fading: DecayingTable[int, None] = DecayingTable(most)
    for at, key in enumerate(seen):
        fading.see(key, None, float(at))
        assert len(fading) <= most
        assert fading.get(key, float(at)) is not None


def test_half_of_a_weight_is_lost_each_day() -> None:
    """And what weighs next to nothing is as good as unseen."""
    fading: DecayingTable[str, None] = DecayingTable(10)
    for _ in range(4):
        fading.see("x", None, 0.0)
    entry = fading.get("x", HALF_LIFE)
    assert entry is not None
    assert entry.weight_at(HALF_LIFE) == pytest.approx(2.0)
    assert fading.get("x", 6 * HALF_LIFE) is None
    assert entry.weight_at(6 * HALF_LIFE) < FORGOTTEN


def test_a_deadlock_is_captured_with_its_victim() -> None:
    """Both parties with statements and rows; then whose transaction was lost."""
    known = lock_store()
    one = Transaction(1, ("accounts", "bookings"), waits_for=2)
    other = Transaction(2, ("bookings", "accounts"), waits_for=1, row=(8, 1))
    look(known, one, other, at=10.0)
    [capture] = known.captures.kept
    assert {c.party.pid: (c.relation, c.ctid) for c in capture.captives} == {
        1: ("public.bookings", (7, 3)),
        2: ("public.accounts", (8, 1)),
    }
    assert capture.victim is None
    look(known, one, other, at=10.5)
    look(known, Transaction(1, ("accounts", "bookings")), at=11.0)
    [capture] = known.captures.kept
    assert (capture.at, capture.victim, capture.victim_is_sure) == (10.0, 2, True)


def test_a_place_in_a_queue_is_no_deadlock() -> None:
    """PostgreSQL reorders queues; only what is held makes a circle."""
    known = lock_store()
    look(known, FORTH, BACK)
    assert not known.captures.kept


@pytest.mark.parametrize(
    ("statement", "name", "locks_rows"),
    [
        ("UPDATE t SET v = 1", ("t",), True),
        ('update only S."Odd ""Name"" 🐘" set v = 1', ("s", 'Odd "Name" 🐘'), True),
        ("/* app */ DELETE FROM t WHERE x = 'update u'", ("t",), True),
        ("insert into t values (1)", ("t",), False),
        ("insert into t values (1) on conflict (id) do update set v = 1", ("t",), True),
        ("insert into t values (1) on conflict do nothing", ("t",), False),
        ("select * from t where id = 1 for no key update", ("t",), True),
        ("select * from t where id = 1 for key share", ("t",), False),
        ("select * from t limit 1 for update skip locked", ("t",), False),
        ("select * from t where id = 1 for update nowait", ("t",), False),
        ("select 'for update' from t", ("t",), False),
        ("merge into t using u on true when matched then delete", ("t",), True),
        ("lock table s.t in exclusive mode", ("s", "t"), False),
        ("with x as (update s.t set v = 1 returning v) select sum(v) from x", ("s", "t"), True),
        ("with x as (select 1), y as ( delete from t returning 1) table y", ("t",), True),
    ],
)
def test_target_of_a_statement(statement: str, name: tuple[str, ...], locks_rows: bool) -> None:
    """The first words tell the table; a value that looks like words does not mislead."""
    target = target_of(statement)
    assert target is not None
    assert (target.name, target.locks_rows) == (name, locks_rows)


@pytest.mark.parametrize(
    "statement",
    [
        None,
        "",
        "commit",
        "with x as (select 1) update t set v = 1",
        "with x as (update t set v = 1 returning v) insert into u select v from x",
        "with x as (update t set v = 1), y as (update u set v = 1) select 1",
    ],
)
def test_what_a_statement_does_not_tell(statement: str | None) -> None:
    """Rather nothing than a guess."""
    assert target_of(statement) is None


def test_an_insert_may_wait_in_a_trigger_for_another_table() -> None:
    """Without a lock that names the row, its own table is not taken for the contested one."""
    path = "bookings", "accounts"
    inserts = Transaction(
        1, path, 2, last="bookings", inserted=path, verb="insert into {} values (1)"
    )
    parties = inserts, Transaction(2, ("accounts", "customers"))
    known = lock_store()
    look(known, *parties)
    rows = [lock for one in parties for lock in one.locks() if lock.locktype != "tuple"]
    scene = Scene(rows, LockGraph.of(rows), known.sessions, known.tables)
    [conflict] = scene.conflicts(10, 10)
    assert conflict.contested.table.name == "public.accounts"


@pytest.mark.parametrize(
    ("statement", "is_bare", "known"),
    [
        ("update t set v = 1", True, True),
        ("update t set v = 1", False, False),
        ("select from t for update", False, True),
        ("lock table t in exclusive mode", True, False),
        ("select from t limit 1 for update skip locked", True, False),
    ],
)
def test_what_a_statement_tells_of_its_other_locks(
    statement: str, is_bare: bool, known: bool
) -> None:
    """That they stand for rows, where a change leaves no lock on an index to tell it by."""
    writers, actor, place = RowWriters(), ("app", "shop"), Table("shop", "public.t")
    target = target_of(statement)
    assert target is not None
    writers.learn_statement(actor, target, place, is_bare, 0.0)
    assert writers.by_its_statements(actor, place, 0.0) is known


def many(*names: str) -> Footprint:
    """What a transaction shows that has written these tables, in an order that is not known."""
    tables = frozenset(Table("shop", name) for name in names)
    return Footprint(tables, tables, tables, {}, frozenset(), None)


def test_a_batch_over_many_tables_puts_out_nothing() -> None:
    """One statement a customer, each of whom has a schema: half of them at one look, all at the
    next. How it went from each to each would take long, and is more than is kept."""
    steps, names = Steps(), [f"c{number}.settings" for number in range(300)]
    usual, batch = Transaction(1, ("accounts",)).session, Transaction(2, ("accounts",)).session
    for seen in (names[:1], names[:2]):
        steps.learn(usual, many(*seen), 0.0)
    for seen in (names[:150], names):
        steps.learn(batch, many(*seen), 0.0)
    assert len(steps.seen) == 1


def test_conflicts_of_two_batches_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table of one with each of the other: seconds at each look, in which nothing is seen."""
    names = [f"c{number}" for number in range(300)]
    monkeypatch.setattr(
        "tests.fixtures.transactions.OIDS", {name: 10 * n for n, name in enumerate(names, 1)}
    )
    known = lock_store(*map(table, names))
    asked = []
    monkeypatch.setattr(Steps, "went", lambda *_: asked.append(1))
    look(known, Transaction(1, tuple(names), waits_for=2), Transaction(2, tuple(names[::-1])))
    assert len(asked) <= 2 * len(names)
