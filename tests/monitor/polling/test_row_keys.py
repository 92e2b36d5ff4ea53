"""The daemon reads who holds which rows while sessions wait for them, and only then."""

import asyncio
from dataclasses import replace

import pytest

from collectors._base import AnyCollector
from collectors.held_rows import held_rows
from collectors.lock_keys import LockKey, lock_keys
from monitor.polling.exposures import LONGEST, SHORTEST, spacing_of
from monitor.polling.held_row_reader import is_small
from monitor.polling.row_keys import CONTESTED, KEPT_COSTS, SHARE, Allowance, ContestedTables
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
            f"grant select (ctid, xmax, id) on accounts to {MONITOR}"
        )
        watched = await watch(server.dsn(user=MONITOR))

        async def rows(collector: AnyCollector) -> bool:
            snapshot = watched.server.snapshot()
            return bool(snapshot.has(collector) and snapshot.rows(collector))

        await until(lambda: rows(lock_keys), "the opt-in was seen")
        assert not await rows(held_rows)
        await holder.execute("begin; " + UPDATE.format(7))
        waiting = asyncio.create_task(waiter.execute(UPDATE.format(7)))
        await until(lambda: rows(held_rows), "the row was read")
        [row] = {replace(row, exposure=0) for row in watched.server.snapshot().rows(held_rows)}
        assert (row.datname, row.key, row.pid) == ("shop", "7", holder.get_server_pid())
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
    """A machine that was busy once does not make it rare."""
    allowance = Allowance()
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
