"""deadlock_risk: warned of before there is a deadlock, and never of honest code."""

from dataclasses import replace
from datetime import timedelta

from alerts._base import Severity, State
from alerts.findings.locks.deadlock_risk import Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.locks import locks
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from tests.fixtures.lock_rows import scene
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql

TABLES = """
    create table "Odd ""one"" 🐘" (id int primary key, v int);
    insert into "Odd ""one"" 🐘" select id, 0 from generate_series(1, 9) id;
"""
FORTH = "update orders set v = 1 where id = {}"
BACK = 'update "Odd ""one"" 🐘" set v = 2 where id = {}'
NAMES = ('public."Odd ""one"" 🐘"', "public.orders")


class Watched:
    """Looks at one database as pg_monitor, with one memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(finding.history)
        self.book = VerdictTracker()

    async def snapshot(self) -> Snapshot:
        async with watching(dsn=self.database.monitor_dsn) as connection:
            asked = user_tables, user_indexes, activity, locks
            return await look(connection, *asked, recorder=self.recorder)

    async def verdict(self, later: timedelta = timedelta(0)) -> Verdict:
        snapshot = await self.snapshot()
        late = replace(snapshot, at=snapshot.at + later.total_seconds())
        return verdict_of(finding, late, self.book, limits=Limits())


async def contest(stage: Stage, watched: Watched, statement: str) -> None:
    """Somebody waits for a row there, and does nothing else."""
    holder = await stage.holds(statement)
    await stage.waits(statement)
    assert (await watched.verdict()).state is State.healthy
    await holder.execute("commit")


async def test_story_of_a_pair_that_meets(stage: Stage, paste: Psql, database: Database) -> None:
    """They meet on one row, and on no other: no deadlock comes of it, this time."""
    await database.execute(TABLES)
    watched = Watched(database)
    assert (await watched.verdict()).state is State.healthy
    await contest(stage, watched, FORTH.format(9))
    back = await stage.holds(BACK.format(1), application_name="back office")
    forth = await stage.holds(FORTH.format(1), application_name="front")
    waiting = stage.task(forth.execute(BACK.format(1)))
    await stage.until_waiting(forth)
    assert (await watched.verdict()).state is State.healthy
    await back.execute(FORTH.format(2))
    verdict = await watched.verdict()
    assert (verdict.state, verdict.severity) == (State.ill, Severity.warning)
    [subject] = verdict.subjects
    evidence = subject.evidence
    assert evidence.subject == " and ".join(NAMES)
    assert evidence.database == database.name
    facts = evidence.facts
    assert (facts["waited_application"], facts["had_it_application"]) == ("front", "back office")
    assert facts["waited_statement"] == BACK.format("?").replace("v = 2", "v = ?")
    assert facts["had_it_statement"] == "update orders set v = ? where id = ?"
    assert facts["met_at"] == f"{NAMES[0]} ctid (0,1)"
    await paste(database.dsn, "\n".join((*evidence.cure, evidence.check)))
    await back.execute("commit")
    await waiting
    await forth.execute("commit")
    assert (await watched.verdict()).state is State.ill
    assert (await watched.verdict(timedelta(days=3, minutes=1))).state is State.healthy


async def test_one_order_is_honest(stage: Stage, database: Database) -> None:
    """They meet over and over, always from the same side."""
    await database.execute(TABLES)
    watched = Watched(database)
    first = await stage.holds(BACK.format(1))
    second = await stage.holds(BACK.format(2))
    await first.execute(FORTH.format(1))
    waiting = stage.task(second.execute(FORTH.format(1)))
    await stage.until_waiting(second)
    assert (await watched.verdict()).state is State.healthy
    await first.execute(BACK.format(1))
    assert (await watched.verdict()).state is State.healthy
    await first.execute("commit")
    await waiting


EVENTS = """
    create table events (id bigserial primary key, row int, at int unique, who int unique);
    create function counted() returns trigger language plpgsql as $$ begin
        update "Odd ""one"" 🐘" set v = v + 1 where id = new.row; return null;
    end $$;
    create trigger counted after insert on events for each row execute function counted();
"""
EVENT = "insert into events (row) values ({})"


async def test_locks_of_a_trigger_are_honest(stage: Stage, database: Database) -> None:
    """Its table is locked while indexes of the events are, whose slots are taken again later."""
    await database.execute(TABLES + EVENTS)
    watched = Watched(database)
    await contest(stage, watched, FORTH.format(9))
    await contest(stage, watched, BACK.format(9))
    event = await stage.holds(EVENT.format(1))
    await event.execute(FORTH.format(1))
    other = await stage.holds(BACK.format(2))
    waiting = stage.task(other.execute(FORTH.format(1)))
    await stage.until_waiting(other)
    assert (await watched.verdict()).state is State.healthy
    await event.execute("commit")
    await waiting


async def test_rows_in_no_order(stage: Stage, database: Database) -> None:
    """Batches that take 1 before 5 meet batches that take 5 before 1: first a hint, then proof."""
    await database.execute(TABLES)
    watched = Watched(database)
    told = []
    for has, wants in ((1, 5), (7, 3), (2, 6), (8, 4), (5, 1)):
        last = await stage.holds(FORTH.format(wants))
        middle = await stage.holds(FORTH.format(has))
        behind = stage.task(middle.execute(FORTH.format(wants)))
        await stage.until_waiting(middle)
        front = await stage.holds()
        ahead = stage.task(front.execute(FORTH.format(has)))
        await stage.until_waiting(front)
        verdict = await watched.verdict()
        told.append(verdict.severity)
        for connection, task in ((last, None), (middle, behind), (front, ahead)):
            if task:
                await task
            await connection.execute("commit")
    assert told[3:] == [Severity.info, Severity.warning]
    [subject] = verdict.subjects
    assert subject.evidence.subject == "public.orders, rows in no order"
    facts = subject.evidence.facts
    assert facts["proved_by"] == "a circle of keys"
    assert [round(float(facts[way] or 0)) for way in ("upwards", "downwards")] == [2, 3]


async def test_advisory_locks_in_both_orders(stage: Stage, database: Database) -> None:
    """7 before 8 here, 8 before 7 there, at different times; sorted ones are honest."""
    watched = Watched(database)
    take = "select pg_advisory_xact_lock({})"
    for first, then in ((7, 8), (7, 9), (8, 7)):
        assert (await watched.verdict()).state is State.healthy
        holder = await stage.holds(take.format(then))
        waiter = await stage.holds(take.format(first))
        waiting = stage.task(waiter.execute(take.format(then)))
        await stage.until_waiting(waiter)
        verdict = await watched.verdict()
        await holder.execute("commit")
        await waiting
        await waiter.execute("commit")
    assert verdict.severity is Severity.warning
    [subject] = verdict.subjects
    assert subject.evidence.subject == "advisory lock 7 and advisory lock 8"


async def test_an_advisory_lock_and_a_row(stage: Stage, database: Database) -> None:
    """A row in hand at the lock here, the lock in hand at the row there; unless a gate is held."""
    take = "select pg_advisory_xact_lock(7)"
    for gate, severity in (((), Severity.warning), (("select pg_advisory_xact_lock(1)",), None)):
        watched = Watched(database)
        for first, then in ((FORTH.format(1), take), (take, FORTH.format(1))):
            holder = await stage.holds(then)
            waiter = await stage.holds(*gate, first)
            waiting = stage.task(waiter.execute(then))
            await stage.until_waiting(waiter)
            verdict = await watched.verdict()
            await holder.execute("commit")
            await waiting
            await waiter.execute("commit")
        assert verdict.severity is severity


async def test_a_foreign_key_is_honest(stage: Stage, database: Database) -> None:
    """An insert of a child shares its parent; an update of the parent gets along with that."""
    await database.execute(TABLES)
    await database.execute("create table child (parent int references orders, v int)")
    watched = Watched(database)
    inserting = await stage.holds("insert into child values (1, 1)")
    updating = await stage.holds(BACK.format(1))
    waiting = stage.task(inserting.execute(BACK.format(1)))
    await stage.until_waiting(inserting)
    assert (await watched.verdict()).state is State.healthy
    await updating.execute(FORTH.format(1))
    assert (await watched.verdict()).state is State.healthy
    await updating.execute("commit")
    await waiting


def test_without_locks_it_is_unknown() -> None:
    """Missing input makes the finding unknown, never healthy."""
    blind = replace(scene((), ()), answers={}, absent={locks: Absence("a timeout")})
    assert verdict_of(finding, blind).state is State.unknown
