"""deadlock_risk by granted keys: rows in no order are proved by who holds what."""

import subprocess
import sys
from itertools import pairwise

import asyncpg
import pytest

from alerts._base import Severity
from alerts.findings.locks.deadlock_risk import finding
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors.activity import activity
from collectors.held_rows import HeldRow, held_rows
from collectors.lock_keys import LockKey, lock_keys
from collectors.locks import Lock, locks
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from monitor.polling.exposures import Wanted, expose
from monitor.polling.held_row_reader import read_held
from monitor.polling.row_keys import ContestedTables
from monitor.postgres.errors import QueryFailure
from monitor.postgres.session import Session
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import DEADLINE, look, supplied, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

UPDATE = "update orders set v = v + 1 where id = $1"


class Watched:
    """Looks as pg_monitor, and then at the rows that are held."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(finding.history)
        self.held: list[HeldRow] = []

    async def verdict(self) -> Verdict:
        async with watching(dsn=self.database.monitor_dsn) as connection:
            asked = lock_keys, user_tables, user_indexes, activity, locks
            seen = await look(connection, *asked, recorder=self.recorder)
            session = await Session.of(connection, DEADLINE)
            contested: list[Lock] = list(seen.rows(locks))
            readable: list[LockKey] = list(seen.rows(lock_keys))
            keys = ContestedTables().wanted(contested, readable, seen.at)
            seen_of = await expose(session, Wanted(keys), 0.005, DEADLINE, lambda _: None)
            self.held = seen_of.held
        return verdict_of(finding, supplied(seen, held_rows, self.held))


async def take(session: asyncpg.Connection, *rows: int) -> str:
    for row in rows:
        await session.execute(UPDATE, row)
    return ""


async def met(stage: Stage, watched: Watched, has: int, wants: int, third: int) -> Verdict:
    """One holds `has` and waits for `wants`, which another holds with a third row."""
    blocker, waiter = await stage.holds(), await stage.holds()
    await take(blocker, third, wants)
    await take(waiter, has)
    waiting = stage.task(take(waiter, wants))
    await stage.until_waiting(waiter)
    verdict = await watched.verdict()
    await blocker.execute("rollback")
    await waiting
    await waiter.execute("rollback")
    return verdict


def opt_in(database: Database) -> str:
    command = "setup-sql", "--role", MONITOR, "--database", database.name
    keys = "--keys-of", "public.orders"
    argv = [sys.executable, "-m", "monitor", *command, *keys]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


async def test_rows_in_no_order_by_their_keys(stage: Stage, database: Database, psql: Psql) -> None:
    """Parameters tell nothing; with the printed opt-in they are proof."""
    watched = Watched(database)
    for has, wants in ((1, 5), (5, 1)):
        verdict = await met(stage, watched, has, wants, 9)
        assert (verdict.severity, watched.held) == (None, [])
    script = opt_in(database)
    await psql(database.dsn, script[script.rindex("\\connect") :].partition("\n")[2])
    told = [(await met(stage, watched, *rows, 9)).severity for rows in ((1, 5), (6, 2), (5, 1))]
    assert told == [None, None, Severity.warning]
    assert {row.key for row in watched.held} == {"1", "5", "9"}
    [subject] = (await watched.verdict()).subjects
    assert subject.evidence.subject == "public.orders, rows in no order"
    assert subject.evidence.facts["proved_by"] == "a circle of keys"
    assert (
        await database.fetchval(f"select has_table_privilege('{MONITOR}', 'orders', 'select')")
        is False
    )


async def test_sorted_rows_are_honest_by_any_column(stage: Stage, database: Database) -> None:
    """Steps go up and down, and never round."""
    await database.execute(f"grant select (ctid, xmax, id) on orders to {MONITOR}")
    watched = Watched(database)
    for first, then in pairwise((4, 1, 7, 2, 8)):
        verdict = await met(stage, watched, first, then, 9)
    assert verdict.severity is Severity.info


async def test_a_lock_on_the_table_is_not_waited_for(stage: Stage, database: Database) -> None:
    """It gives up within a moment, and holds nothing."""
    await database.execute(f"grant select (ctid, xmax, id) on orders to {MONITOR}")
    await stage.holds("update orders set v = 1", "lock table orders")
    async with watching(dsn=database.monitor_dsn) as connection:
        seen = await look(connection, lock_keys)
        [key] = seen.rows(lock_keys)
        session = await Session.of(connection, DEADLINE)
        with pytest.raises(QueryFailure, match="lock timeout"):
            await read_held(session, key, (), 0, DEADLINE)
        assert await session.fetch("select 1", DEADLINE)
