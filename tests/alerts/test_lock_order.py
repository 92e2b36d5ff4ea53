"""Lock orders: one meeting is enough to warn, and honest code is never warned of."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.lock_order import Level, LockBook, Risk
from alerts.lock_order.fading import FORGOTTEN, HALF_LIFE, Fading
from alerts.lock_order.target import target_of
from collectors._base import Answer
from collectors.activity import Session, activity
from collectors.locks import Lock, locks
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables

NAMES = ("accounts", "bookings", "customers", "deliveries", "entries")
OIDS = {name: 1000 + 10 * number for number, name in enumerate(NAMES)}
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Going:
    """A transaction on its way through tables; it is at the last of them."""

    pid: int
    path: tuple[str, ...]
    waits_for: int | None = None
    """The pid of whoever has the row that it needs there."""
    application: str = "shop"
    verb: str = "update {}"
    last: str | None = None
    """The table of its last statement, where it came back."""
    slots: bool = True
    """Whether its locks tell their order."""
    inserted: tuple[str, ...] = ()
    """Tables of the path where it only inserted."""
    shared: tuple[str, ...] = ()
    """Tables of the path where it only checked a foreign key, or locked rows by SELECT."""
    began: str = "now"
    gates: tuple[int, ...] = ()
    row: tuple[int, int] = (7, 3)

    @property
    def here(self) -> str:
        return self.last or self.path[-1]

    @property
    def session(self) -> Session:
        known: dict[str, Any] = dict.fromkeys(field.name for field in fields(Session)) | {
            "pid": self.pid,
            "datname": "shop",
            "usename": "app",
            "application_name": self.application,
            "state": "active" if self.waits_for else "idle in transaction",
            "query": self.verb.format(self.here),
            "backend_start_text": f"b{self.pid}",
            "xact_start_text": self.began,
        }
        return Session(**known)

    def locks(self) -> list[Lock]:
        rows = [self._lock("transactionid", "ExclusiveLock", transactionid=self.pid)]
        if self.waits_for:
            page, pointer = self.row
            where = {"datname": "shop", "relation": OIDS[self.here]}
            where |= {"page": page, "line_pointer": pointer}
            rows += [
                self._lock("tuple", "ExclusiveLock", **where),
                self._lock(
                    "transactionid",
                    "ShareLock",
                    granted=False,
                    waited_seconds=0.5,
                    transactionid=self.waits_for,
                ),
            ]
        return rows

    def _lock(self, locktype: str, mode: str, **given: Any) -> Lock:
        indexed = set(self.path) - {*self.inserted}
        writes = [OIDS[n] + part for n in self.path for part in ((0, 1) if n in indexed else (0,))]
        known: dict[str, Any] = dict.fromkeys(field.name for field in fields(Lock)) | {
            "pid": self.pid,
            "virtualtransaction": f"{self.pid}/1",
            "locktype": locktype,
            "mode": mode,
            "granted": True,
            "writes": writes,
            "slots": [0 if self.slots else -1] * len(writes),
            "unchanged": [OIDS[name] + part for name in self.shared for part in (0, 1)],
            "gates": self.gates,
        }
        return Lock(**known | given)


def filled(row: type[Any], **given: Any) -> Any:
    return row(**dict.fromkeys((field.name for field in fields(row)), 0) | given)


def book() -> LockBook:
    """A book that knows the names of all tables."""
    made = LockBook()
    place = {"datname": "shop", "schemaname": "public"}
    tables = [filled(UserTable, relid=oid, relname=n, **place) for n, oid in OIDS.items()]
    nothing = {"root_schemaname": None, "root_relname": None}
    indexes = [
        filled(UserIndex, indexrelid=oid + 1, relid=oid, relname=n, **place, **nothing)
        for n, oid in OIDS.items()
    ]
    made.take(user_tables, Answer(tables, 0.0))
    made.take(user_indexes, Answer(indexes, 0.0))
    return made


def look(known: LockBook, *going: Going, at: float = 0.0) -> list[Risk]:
    """One look at these transactions; what is known to be dangerous after it."""
    known.take(activity, Answer([one.session for one in going], at))
    known.take(locks, Answer([lock for one in going for lock in one.locks()], at))
    return known.orders.risks(at)


def circle(risk: Risk) -> tuple[str, ...]:
    return tuple(table.name.removeprefix("public.") for table in risk.circle)


FORTH = Going(1, ("accounts", "bookings"), waits_for=2)
BACK = Going(2, ("bookings", "accounts"))


def test_one_meeting_is_enough() -> None:
    """Who waits came from accounts to bookings, and whom it waits for went the other way."""
    [risk] = look(book(), FORTH, BACK)
    assert risk.level is Level.opposed
    assert circle(risk) == ("accounts", "bookings")
    [seen] = risk.sightings
    assert (seen.waiter.statement, seen.blocker.statement) == ("update bookings", "update accounts")
    assert seen.ctid == (7, 3)


def test_waiting_for_ones_like_is_no_risk() -> None:
    """Everybody takes accounts before bookings, and they do meet."""
    ahead = Going(2, ("accounts", "bookings"))
    assert look(book(), FORTH, ahead) == []


def test_coming_back_to_ones_own_row_is_no_risk() -> None:
    """The head of an order, its lines, and the head again: its last statement misleads nobody."""
    for slots in (True, False):
        known = book()
        again = Going(2, ("accounts", "bookings"), last="accounts", slots=slots)
        single = Going(3, ("bookings",))
        assert look(known, FORTH, again) == []
        assert look(known, Going(1, ("accounts", "bookings"), 3), single, again) == []


def test_without_an_order_of_locks_waits_tell_it() -> None:
    """Nobody waits for a row of its own: a wait at accounts with bookings in hand is an order."""
    known = book()
    forth = Going(1, ("accounts", "bookings"), waits_for=2, slots=False)
    back = Going(2, ("bookings", "accounts"), slots=False)
    assert look(known, forth, back) == []
    other = Going(4, ("bookings", "accounts"), waits_for=5, slots=False)
    assert look(known, other, Going(5, ("accounts",), application="other")) == []
    [risk] = look(known, forth, back)
    assert risk.level is Level.opposed


def test_two_looks_at_one_transaction_tell_its_order() -> None:
    """First it had bookings alone, then accounts too."""
    known = book()
    forth = Going(1, ("accounts", "bookings"), waits_for=2, slots=False)
    assert look(known, forth, Going(2, ("bookings",), slots=False)) == []
    [risk] = look(known, forth, Going(2, ("bookings", "accounts"), slots=False))
    assert risk.level is Level.opposed


def test_looks_at_two_transactions_of_one_session_tell_nothing() -> None:
    """The first had bookings; the next is another transaction, and began with accounts."""
    known = book()
    forth = Going(1, ("accounts", "bookings"), waits_for=2, slots=False)
    look(known, forth, Going(2, ("bookings",), slots=False))
    later = Going(2, ("accounts", "bookings"), slots=False, began="later", last="accounts")
    assert look(known, forth, later) == []


def test_what_others_of_the_application_do_next_is_remembered() -> None:
    """The blocker has not come to accounts yet; others who began like it have."""
    known = book()
    look(known, Going(4, ("bookings", "accounts"), waits_for=5), Going(5, ("accounts",)))
    [risk] = look(known, FORTH, Going(2, ("bookings",)))
    assert risk.level is Level.opposed


@pytest.mark.parametrize("kind", ["inserted", "shared"])
def test_new_rows_and_foreign_keys_are_no_risk(kind: str) -> None:
    """Nobody else can want a row that was just inserted; a check of a key excludes no update."""
    forth = Going(1, ("accounts", "bookings"), waits_for=2, **{kind: ("accounts",)})  # type: ignore[arg-type]
    assert look(book(), forth, BACK) == []


def test_select_for_update_counts_once_it_is_known() -> None:
    """Its locks look like those of a foreign key; its statement tells."""
    known = book()
    select = "select * from {} for update"
    look(
        known,
        Going(8, ("accounts",), 9, shared=("accounts",), verb=select),
        Going(9, ("accounts",)),
    )
    forth = Going(1, ("accounts", "bookings"), waits_for=2, shared=("accounts",))
    [risk] = look(known, forth, BACK)
    assert risk.level is Level.opposed


def test_who_skips_what_is_locked_waits_for_nobody() -> None:
    """A worker counts first and takes a job then, the other way round than everybody else."""
    known = book()
    verb = "select from {} limit 1 for update skip locked"
    worker = Going(2, ("bookings", "accounts"), shared=("accounts",), verb=verb)
    assert look(known, FORTH, worker) == []
    done = Going(2, ("bookings", "accounts"), began="later")
    assert look(known, FORTH, done) == []
    waits = Going(2, ("bookings", "accounts"), waits_for=3, began="at last")
    assert look(known, waits, Going(3, ("accounts",), application="other")) == []
    [risk] = look(known, FORTH, done)
    assert risk.level is Level.opposed, "where it waits after all, it is no worker"


def test_three_in_a_circle() -> None:
    """No two of them are opposed; two meetings prove the circle of three."""
    known = book()
    ab = Going(1, ("accounts", "bookings"), waits_for=2)
    bc = Going(2, ("bookings", "customers"))
    assert look(known, ab, bc) == []
    ca = Going(3, ("customers", "accounts"))
    [risk] = look(known, Going(2, ("bookings", "customers"), waits_for=3), ca)
    assert risk.level is Level.opposed
    assert circle(risk) == ("accounts", "bookings", "customers")


def test_waits_both_ways_without_a_meeting_are_a_hint() -> None:
    """Those whom they waited for had one table only; unless a gate keeps them apart."""
    for gates, hint in (((), [Level.both_ways]), ((42,), [])):
        known = book()
        for here, there in (("bookings", "accounts"), ("accounts", "bookings")):
            one = Going(1, (there, here), 2, application=here, gates=gates)
            risks = look(known, one, Going(2, (here,), application="other"))
        assert [risk.level for risk in risks] == hint


def test_a_risk_fades() -> None:
    """Repaired code is believed after some days without a meeting."""
    known = book()
    [risk] = look(known, FORTH, BACK, at=1000.0)
    assert (risk.first, risk.last, risk.weight) == (1000.0, 1000.0, 1.0)
    assert known.orders.risks(1000.0 + DAY)[0].weight == pytest.approx(0.5)
    assert known.orders.risks(1000.0 + 4 * DAY) == []


def test_nothing_is_learned_of_tables_without_a_name() -> None:
    """What can't be named can't be told; it is learned once the names are there."""
    known = LockBook()
    assert look(known, FORTH, BACK) == []


def test_partitions_count_as_their_root() -> None:
    """Two partitions of one table are no two tables."""
    known = LockBook()
    place = {"datname": "shop", "schemaname": "public"}
    root = {"root_schemaname": "public", "root_relname": "All bookings"}
    oids = {name: OIDS[name] for name in ("accounts", "bookings")}
    known.take(
        user_tables,
        Answer([filled(UserTable, relid=o, relname=n, **place) for n, o in oids.items()], 0),
    )
    known.take(
        user_indexes,
        Answer(
            [
                filled(UserIndex, indexrelid=o + 1, relid=o, relname=n, **place, **root)
                for n, o in oids.items()
            ],
            0,
        ),
    )
    assert look(known, FORTH, BACK) == []


TABLE_PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True).map(
    lambda names: tuple(sorted(names))
)


@st.composite
def honest_looks(draw: st.DrawFn) -> list[list[Going]]:
    """Looks at transactions that all take tables in the order of their names."""
    looks: list[list[Going]] = []
    for _ in range(draw(st.integers(1, 6))):
        slots = draw(st.booleans())
        going = [
            Going(pid, path, slots=slots, began=f"{len(looks)}")
            for pid, path in enumerate(draw(st.lists(TABLE_PATHS, min_size=2, max_size=5)), 1)
        ]
        waiting = []
        for ahead, one in pairwise(going):
            if one.here in ahead.path:
                one = Going(one.pid, one.path, ahead.pid, slots=slots, began=one.began)
            waiting.append(one)
        looks.append([going[0], *waiting])
    return looks


@given(honest_looks())
def test_one_order_is_never_a_risk(looks: Sequence[Sequence[Going]]) -> None:
    """Whoever meets whom, and whatever their locks tell."""
    known = book()
    for at, going in enumerate(looks):
        assert look(known, *going, at=float(at)) == []


@given(st.lists(st.integers(0, 400), max_size=300), st.integers(1, 30))
def test_memory_is_bounded_and_forgets_the_lightest(seen: list[int], most: int) -> None:
    """However many different things are seen; what was just seen is known."""
    fading: Fading[int, None] = Fading(most)
    for at, key in enumerate(seen):
        fading.see(key, None, float(at))
        assert len(fading) <= most
        assert fading.get(key, float(at)) is not None


def test_half_of_a_weight_is_lost_each_day() -> None:
    """And what weighs next to nothing is as good as unseen."""
    fading: Fading[str, None] = Fading(10)
    for _ in range(4):
        fading.see("x", None, 0.0)
    entry = fading.get("x", HALF_LIFE)
    assert entry is not None
    assert entry.weight_at(HALF_LIFE) == pytest.approx(2.0)
    assert fading.get("x", 6 * HALF_LIFE) is None
    assert entry.weight_at(6 * HALF_LIFE) < FORGOTTEN


def test_a_deadlock_is_captured_with_its_victim() -> None:
    """Both parties with statements and rows; then whose transaction was lost."""
    known = book()
    one = Going(1, ("accounts", "bookings"), waits_for=2)
    other = Going(2, ("bookings", "accounts"), waits_for=1, row=(8, 1))
    look(known, one, other, at=10.0)
    [capture] = known.captures.kept
    assert {c.party.pid: (c.relation, c.ctid) for c in capture.captives} == {
        1: ("public.bookings", (7, 3)),
        2: ("public.accounts", (8, 1)),
    }
    assert capture.victim is None
    look(known, one, other, at=10.5)
    look(known, Going(1, ("accounts", "bookings")), at=11.0)
    [capture] = known.captures.kept
    assert (capture.at, capture.victim, capture.victim_is_sure) == (10.0, 2, True)


def test_a_place_in_a_queue_is_no_deadlock() -> None:
    """PostgreSQL reorders queues; only what is held makes a circle."""
    known = book()
    look(known, FORTH, BACK)
    assert not known.captures.kept


def batch_chain(
    has: int, wants: int, verb: str = "update {{}} set v = 1 where id = {}"
) -> list[Going]:
    """One waits for the row `has` of another that wants the row `wants`."""
    return [
        Going(1, ("accounts",), waits_for=2, verb=verb.format(has)),
        Going(2, ("accounts",), waits_for=3, verb=verb.format(wants)),
        Going(3, ("accounts",)),
    ]


def test_batches_that_go_both_ways_are_disorder() -> None:
    """Sorted ones go one way only."""
    known = book()
    for has, wants in ((3, 17), (4, 9), (8, 12)):
        look(known, *batch_chain(has, wants))
    assert known.batches.disorders(2.0, 0.0) == []
    for has, wants in ((17, 3), (20, 11)):
        look(known, *batch_chain(has, wants))
    [disorder] = known.batches.disorders(2.0, 0.0)
    assert (disorder.table.name, disorder.upwards, disorder.downwards) == ("public.accounts", 3, 2)


def test_a_blocker_that_has_gone_on_tells_its_direction() -> None:
    """Whether or not it has to wait there."""
    known = book()
    for has, gone_on_to in ((3, 17), (4, 9), (17, 3), (20, 11)):
        verb = "update {{}} set v = 1 where id = {}"
        waiter = Going(1, ("accounts",), waits_for=2, verb=verb.format(has))
        look(known, waiter, Going(2, ("accounts",), verb=verb.format(gone_on_to)))
    assert len(known.batches.disorders(2.0, 0.0)) == 1


def test_amounts_are_no_keys() -> None:
    """Who pays different sums into the same account goes nowhere."""
    known = book()
    for one, other in ((100, 200), (200, 100)) * 3:
        verb = "update {{}} set v = v + {} where id = 7"
        waiter = Going(1, ("accounts",), waits_for=2, verb=verb.format(one))
        look(known, waiter, Going(2, ("accounts",), verb=verb.format(other)))
    assert known.batches.disorders(1.0, 0.0) == []


def test_statements_of_different_kinds_tell_no_direction() -> None:
    """Two values differ, or the text does: no key can be told."""
    known = book()
    for verb in ("update {{}} where n = {0} and id = {0}", "update {{}} set v = $1 where id = $2"):
        for has, wants in ((3, 17), (17, 3)) * 3:
            look(known, *batch_chain(has, wants, verb))
    assert known.batches.disorders(1.0, 0.0) == []


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
    ],
)
def test_target_of_a_statement(statement: str, name: tuple[str, ...], locks_rows: bool) -> None:
    """The first words tell the table; a value that looks like words does not mislead."""
    target = target_of(statement)
    assert target is not None
    assert (target.name, target.locks_rows) == (name, locks_rows)


@pytest.mark.parametrize(
    "statement", [None, "", "commit", "with x as (select 1) update t set v = 1"]
)
def test_what_a_statement_does_not_tell(statement: str | None) -> None:
    """Rather nothing than a guess."""
    assert target_of(statement) is None
