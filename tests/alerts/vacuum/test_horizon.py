"""Holders of the horizon: each kind has its own words and cure, and its own reach."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.snapshot import Snapshot, Unknown
from alerts.vacuum.horizon import HolderKind, holder_of, holders
from collectors._base import Answer
from collectors.activity import activity
from collectors.prepared_transactions import PreparedTransaction, prepared_transactions
from collectors.replication_slots import Slot, replication_slots
from collectors.xmin_horizon import Holder, xmin_horizon
from tests.fixtures.lock_rows import filled, session
from tests.fixtures.printed_sql import exposed, exposed_in_remarks
from tests.fixtures.session_rows import seen

NAMED = (
    Holder("session", "7", "shop", 500),
    Holder("session", "8", "shop", 400),
    Holder("prepared_transaction", "it's", "erp", 900),
    Holder("replication_slot", "cdc", "shop", 800),
    Holder("replication_slot", "b", None, 700),
    Holder("replication_slot", "c", None, 600),
    Holder("standby", "walreceiver", None, 100),
)


def slot(name: str, **given: Any) -> Slot:
    made: Slot = filled(Slot, slot_name=name, **given)
    return made


def scene(*rows: Holder) -> Snapshot:
    idle = session(7, state="idle in transaction", xact_seconds=7200.0)
    worker = session(9, leader_pid=8, backend_type="parallel worker")
    slots = (
        slot("cdc", active=False, catalog_xmin_age=800, inactive_seconds=90.0),
        slot("b", active=False, xmin_age=700),
        slot("c", active=True, xmin_age=600),
    )
    return seen(
        (xmin_horizon, rows),
        (activity, (idle, session(8, xact_seconds=60.0), worker)),
        (prepared_transactions, (filled(PreparedTransaction, gid="it's", owner="app"),)),
        (replication_slots, slots),
    )


def test_each_kind_is_told_and_ended_in_its_own_way() -> None:
    """The oldest first."""
    found = holders(scene(*NAMED))
    assert [(held.kind, held.text) for held in found] == [
        (HolderKind.prepared_transaction, "the prepared transaction it's of app in erp"),
        (HolderKind.logical_slot, "the logical replication slot cdc, not in use for 1 min 30 s"),
        (HolderKind.physical_slot, "the physical replication slot b, not in use"),
        (HolderKind.physical_slot, "the physical replication slot c, in use"),
        (
            HolderKind.idle_transaction,
            "app (web), pid 7, idle in a transaction that is open for 2 h",
        ),
        (HolderKind.statement, "app (web), pid 8, in a transaction for 1 min"),
        (HolderKind.standby, "a query on the standby walreceiver (hot_standby_feedback)"),
    ]
    cures = ["\n".join(held.cure) for held in found]
    assert "ROLLBACK PREPARED 'it''s';" in cures[0]
    assert all("-- SELECT pg_catalog.pg_drop_replication_slot(" in cure for cure in cures[1:3])
    assert "On that standby" in cures[3] + cures[6]
    assert "pg_terminate_backend(pid, 5000)" in cures[4]
    assert "pg_cancel_backend(pid)" in cures[5]
    printed = "\n".join((*cures, *(held.check for held in found)))
    assert (exposed(printed), exposed_in_remarks(printed)) == ([], [])


@pytest.mark.parametrize(
    ("datname", "catalog", "name"),
    [
        ("shop", False, "b"),
        ("erp", False, "it's"),
        ("shop", True, "cdc"),
        ("another", True, "cdc"),
    ],
)
def test_what_it_keeps(datname: str, catalog: bool, name: str) -> None:
    """Sessions their own database; slots all, and logical ones rows of the catalogues alone."""
    held = holder_of(scene(*NAMED), datname, catalog=catalog)
    assert held is not None
    assert held.name == name


def test_sessions_that_only_see_an_old_transaction_are_not_blamed() -> None:
    """Every snapshot is as old as the oldest transaction that is open: to end them is of no use."""
    begun = {"xact_seconds": 7200.0, "state": "idle in transaction"}
    people = [
        session(1, xact_seconds=1.0),
        session(2, xact_seconds=9000.0, xid_age=3),
        session(3, xid_age=499, **begun),
        session(4, xact_seconds=2.0),
    ]
    rows = [Holder("session", str(pid), "shop", 500) for pid in (1, 2, 3, 4)]
    known = scene(*rows)
    told = replace(known, answers={**known.answers, activity: Answer(people, known.at)})
    assert [held.name for held in holders(told)] == ["3", "2", "4", "1"]
    both = scene(Holder("session", "8", "erp", 900), NAMED[2])
    assert [held.name for held in holders(both)] == ["it's", "8"]


def test_a_parallel_worker_is_no_holder_of_its_own() -> None:
    assert holders(scene(Holder("session", "9", "shop", 400))) == []


def test_a_session_without_a_transaction_keeps_nothing() -> None:
    """It was short, and has ended since the horizon was read: to end the session would harm."""
    open_then = Holder("session", "7", "shop", 500)
    found = scene(open_then)
    assert len(holders(found)) == 1
    idle = session(7, state="idle", xact_seconds=None)
    ended = replace(found, answers={**found.answers, activity: Answer((idle,), found.at)})
    assert holders(ended) == []


def test_one_that_has_ended_is_still_told() -> None:
    """The two answers are not of the same moment."""
    [held] = holders(scene(Holder("session", "77", "shop", 400)))
    assert held.text == "the session with pid 77"
    assert all(line.startswith("--") for line in held.cure)


def test_without_an_answer_it_is_unknown() -> None:
    assert holder_of(seen(), "shop") is None
    with pytest.raises(Unknown):
        holders(seen())


def test_a_transaction_is_seen_in_other_databases() -> None:
    """Snapshots of short statements are as old as the oldest transaction of any database."""
    rows = (
        Holder("session", "1", "shop", 5000),
        Holder("session", "2", "shop", 40),
        Holder("session", "3", "erp", 5000),
        Holder("session", "4", "quiet", 30),
    )
    short = [session(n, xact_seconds=0.1) for n in (1, 2, 4)]
    writer = session(3, state="idle in transaction", xact_seconds=3000.0, xid_age=4990)
    snapshot = seen((xmin_horizon, rows), (activity, (*short, writer)))
    names = {name: holder_of(snapshot, name) for name in ("shop", "erp", "quiet")}
    assert {name: held.name for name, held in names.items() if held} == {
        "shop": "3",
        "erp": "3",
        "quiet": "4",
    }
    # Without an ID of its own, a transaction elsewhere holds nothing here.
    reader = replace(writer, xid_age=None)
    held = holder_of(seen((xmin_horizon, rows), (activity, (*short, reader))), "shop")
    assert held is not None
    assert held.name == "1"
