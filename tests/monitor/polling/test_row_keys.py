"""The daemon reads who holds which rows while sessions wait for them, and only then."""

import asyncio
from dataclasses import replace

import pytest

from collectors._base import AnyCollector
from collectors.held_rows import held_rows
from collectors.lock_keys import LockKey, lock_keys
from collectors.open_transactions import open_transactions
from monitor.polling.exposures import LONGEST, SHORTEST, Wanted, leaves_open, spacing_of
from monitor.polling.held_row_reader import is_small
from monitor.polling.row_keys import (
    CONTESTED,
    FIRST,
    KEPT_COSTS,
    OPEN_SHARE,
    SHARE,
    Allowance,
    ContestedTables,
    share_of,
)
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import lock, session
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

ACCOUNTS = LockKey("shop", 1000, "public", "accounts", 10, 100.0, ["id"], [True], [])
UPDATE = "update accounts set v = 1 where id = {}"


@pytest.mark.versions(14, 18)
async def test_held_rows_of_a_contested_table(private_server: PrivateServers, watch: Watch) -> None:
    """In whichever database it is; with several, the third session goes there."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("create database shop")
    async with connected(server.dsn("shop")) as holder, connected(server.dsn("shop")) as waiter:
        await holder.execute(
            "create table accounts (id int primary key, v int);"
            "insert into accounts select g, 0 from generate_series(1, 9) g;"
            "create table bookings as table accounts;"
            f"grant select (ctid, xmax, id) on accounts to {MONITOR}"
        )
        watched = await watch(server.dsn(user=MONITOR))

        async def rows(collector: AnyCollector) -> bool:
            snapshot = watched.server.snapshot()
            return bool(snapshot.has(collector) and snapshot.rows(collector))

        await until(lambda: rows(lock_keys), "the opt-in was seen")
        assert not await rows(held_rows)
        await holder.execute("begin; " + UPDATE.format(7))
        await waiter.execute("begin; update bookings set v = 1")
        waiting = asyncio.create_task(waiter.execute(UPDATE.format(7)))
        await until(lambda: rows(held_rows), "the row was read")
        [row] = {replace(row, exposure=0) for row in watched.server.snapshot().rows(held_rows)}
        assert (row.datname, row.key, row.pid) == ("shop", "7", holder.get_server_pid())
        await until(lambda: rows(open_transactions), "it was read how transactions go on")
        seen = watched.server.snapshot().rows(open_transactions)
        one, other = (
            next(row for row in seen if row.pid == session.get_server_pid())
            for session in (waiter, holder)
        )
        assert (one.waits_for, one.state, one.query) == (other.xid, "active", UPDATE.format(7))
        assert (one.mode, one.page, one.line_pointer) == ("ExclusiveLock", 0, 7)
        assert set(other.writes) < set(one.writes)
        await holder.execute("commit")
        await waiting


def test_tables_are_read_for_a_while_after_a_wait() -> None:
    """With the rows that are awaited now; tables of which no key was granted are not."""
    contested = ContestedTables()
    waiter = lock(1, "transactionid", 5.0)
    waits = [waiter, lock(1, "tuple", relation=1000, page=3, line_pointer=4)]
    assert contested.wanted([], [ACCOUNTS], 0.0) == []
    assert contested.wanted(waits, [], 1.0) == []
    assert contested.wanted(waits, [ACCOUNTS], 1.0) == [(ACCOUNTS, [(3, 4)])]
    assert contested.wanted([], [ACCOUNTS], CONTESTED) == [(ACCOUNTS, ())]
    assert contested.wanted([], [ACCOUNTS], CONTESTED + 1.5) == []
    assert contested.advisory_until == 0.0
    upsert = replace(waiter, virtualtransaction="2/1", writes=(1000, 1001))
    assert ContestedTables().wanted([upsert], [ACCOUNTS], 1.0) == [(ACCOUNTS, ())]
    contested.wanted([replace(waiter, locktype="advisory")], [], 5.0)
    assert contested.advisory_until == 5.0 + CONTESTED


def test_quick_transactions_are_looked_at_quickly() -> None:
    """By how old those are that don't wait; where there are none, as quickly as it may."""
    young = [session(n, xact_seconds=age) for n, age in enumerate((0.02, 0.04, 0.04, 60.0), 1)]
    waiting = session(9, xact_seconds=2.0, wait_event_type="Lock")
    assert spacing_of([*young, waiting]) == pytest.approx(0.024)
    assert spacing_of([waiting]) == SHORTEST
    assert spacing_of([session(1, xact_seconds=5.0)]) == LONGEST


def test_a_visit_pays_by_the_least_that_it_took() -> None:
    """A machine that was busy once does not make it rare; nor does the first one, whose queries
    were new to the server."""
    allowance = Allowance()
    allowance.spend(9.0, 10.0)
    assert allowance.due == 10.0 + FIRST
    assert share_of(Wanted(transactions=True)) == OPEN_SHARE
    assert share_of(Wanted(advisory=True, transactions=True)) == SHARE
    for work in (0.5, 0.003, 0.4):
        allowance.spend(work, 10.0)
    assert allowance.due == pytest.approx(10.0 + 0.003 / SHARE)
    for _ in range(KEPT_COSTS):
        allowance.spend(0.03, 10.0)
    assert allowance.due == pytest.approx(10.0 + 0.03 / SHARE)


@pytest.mark.parametrize(
    ("pages", "rows", "small"),
    [(10, 100.0, True), (0, -1.0, True), (0, 50_000.0, False), (9_000, 100.0, False)],
)
def test_only_small_tables_are_read_whole(pages: int, rows: float, small: bool) -> None:
    """By what is counted as well: one that was never vacuumed has no pages."""
    assert is_small(replace(ACCOUNTS, relpages=pages, rows=rows)) is small


def test_what_the_blocker_does_next_may_say_more() -> None:
    """Where the waiter has written what the blocker has not, or names its row; once in ten seconds
    is enough."""
    waits = lock(1, "transactionid", 0.1, transactionid=7, writes=(1000, 2000))
    holds = lock(2, "transactionid", transactionid=7, writes=(1000,))
    both = replace(holds, writes=(2000, 1000))
    named = session(1, query=UPDATE.format(7), xact_seconds=2.0, query_seconds=0.5)
    whole = replace(named, xact_seconds=0.5)
    assert leaves_open([waits, holds], {})
    assert not leaves_open([holds], {1: named})
    assert not leaves_open([waits, both], {1: whole})
    assert not leaves_open([waits, both], {1: replace(named, query=UPDATE.format("$1"))})
    assert leaves_open([waits, both], {1: named})
    contested = ContestedTables()
    assert contested.look([waits, holds], [], [], 1.0).transactions
    assert contested.look([], [], [], CONTESTED).transactions
    assert not contested.look([], [], [], CONTESTED + 1.5)
