"""Applications that will deadlock one day, and honest ones that never will."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

TABLES = """
    create table acct_a (id int primary key, v int not null) with (fillfactor = 50);
    create table acct_b (id int primary key, v int not null) with (fillfactor = 50);
    create table acct_c (id int primary key, v int not null) with (fillfactor = 50);
    create table gate (id int primary key);
    create table log (id bigserial primary key, a int references acct_a, what text);
    insert into acct_a select g, 0 from generate_series(1, 1000) g;
    insert into acct_b select g, 0 from generate_series(1, 1000) g;
    insert into acct_c select g, 0 from generate_series(1, 1000) g;
    insert into gate values (1);
    create function total() returns trigger language plpgsql as $$ begin
        update acct_b set v = v + 1 where id = 1 + new.id % 5;
        return null;
    end $$;
    create table summed (id int primary key, v int not null);
    insert into summed select g, 0 from generate_series(1, 1000) g;
    create trigger total after update on summed for each row execute function total();
    analyze;
"""


@dataclass(slots=True)
class Client:
    """One connection of an application, and how long it thinks between statements."""

    session: "Connection"
    number: int
    rows: int
    think: float
    dice: random.Random = field(default_factory=random.Random)
    first: int = 0
    """Its rows are those behind this one."""

    def row(self) -> int:
        return self.first + self.dice.randint(1, self.rows)

    async def update(self, table: str, row: int | None = None) -> None:
        await self.session.execute(
            f"update {table} set v = v + 1 where id = $1", self.row() if row is None else row
        )

    async def pause(self) -> None:
        await asyncio.sleep(self.think)


Work = Callable[[Client], Awaitable[None]]


def one_by_one(*tables: str) -> Work:
    """An update of each table in this order, thinking after each."""

    async def work(client: Client) -> None:
        for table in tables:
            await client.update(table)
            await client.pause()

    return work


def apart(work: Work) -> Work:
    """The same among rows that nobody else uses."""

    async def elsewhere(client: Client) -> None:
        client.first = client.rows
        await work(client)

    return elsewhere


def behind_gate(work: Work, gate: str) -> Work:
    async def gated(client: Client) -> None:
        await client.session.execute(gate)
        await work(client)

    return gated


async def head_lines_head(client: Client) -> None:
    """The order's head, its lines, and the head once more: one order, though it comes back."""
    head = client.row()
    for table, row in (("acct_a", head), ("acct_b", client.row()), ("acct_a", head)):
        await client.update(table, row)
        await client.pause()


async def insert_then_update(client: Client) -> None:
    """New rows are nobody else's; their foreign key shares the parent."""
    await client.session.execute("insert into log (a, what) values ($1, 'new')", client.row())
    await client.pause()
    await client.update("acct_b")
    await client.pause()


async def update_then_parent(client: Client) -> None:
    await client.update("acct_b")
    await client.pause()
    await client.update("acct_a")
    await client.pause()


async def upsert_forth(client: Client) -> None:
    await _upsert(client, "acct_a")
    await _upsert(client, "acct_b")


async def upsert_back(client: Client) -> None:
    await _upsert(client, "acct_b")
    await _upsert(client, "acct_a")


async def _upsert(client: Client, table: str) -> None:
    await client.session.execute(
        f"insert into {table} values ($1, 1) on conflict (id) do update set v = {table}.v + 1",
        client.row(),
    )
    await client.pause()


async def summed(client: Client) -> None:
    """A trigger writes the second table."""
    await client.update("summed")
    await client.pause()
    await client.update("acct_c")
    await client.pause()


def batch(tidy: bool, size: int = 4) -> Work:
    async def work(client: Client) -> None:
        rows = client.dice.sample(range(1, client.rows + 1), size)
        for row in sorted(rows) if tidy else rows:
            await client.session.execute(f"update acct_a set v = v + 1 where id = {row}")
            await client.pause()

    return work


async def job(client: Client) -> None:
    """A queue: whoever comes takes what nobody else has taken."""
    await client.session.execute("select id from acct_a order by v limit 1 for update skip locked")
    await client.pause()
    await client.update("acct_b")
    await client.pause()


async def count_then_job(client: Client) -> None:
    """The other way round than its neighbours; but it never waits for a job."""
    await client.update("acct_b")
    await client.pause()
    take = "select id from acct_a order by v limit 1 for update skip locked"
    row = await client.session.fetchval(take)
    await client.pause()
    if row is not None:
        await client.update("acct_a", row)


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    work: tuple[Work, ...]
    """Kinds of transactions; each client does one of them, over and over."""
    warned: frozenset[str] = frozenset()
    """Subjects of all warnings that are true; without any it can never deadlock: a control."""
    tables: str = TABLES
    rows: int = 50
    think: float = 0.02
    """Seconds."""
    seconds: float = 45.0
    clients: int = 8


def pairs(*subjects: str) -> frozenset[str]:
    return frozenset(subjects)


FORTH, BACK = one_by_one("acct_a", "acct_b"), one_by_one("acct_b", "acct_a")
ADVISORY = "select pg_advisory_xact_lock(7)"
PARENT = "select from gate where id = 1 for update"
PAIR = pairs("public.acct_a and public.acct_b")
OPPOSED = (
    Workload("opposite order, 50 rows, 20 ms", (FORTH, BACK), PAIR),
    Workload("opposite order, 50 rows, 5 ms", (FORTH, BACK), PAIR, think=0.005),
    Workload("opposite order, 50 rows, 100 ms", (FORTH, BACK), PAIR, think=0.1),
    Workload("opposite order, 200 rows, 20 ms", (FORTH, BACK), PAIR, rows=200, seconds=60),
    Workload("opposite upserts, 50 rows, 20 ms", (upsert_forth, upsert_back), PAIR),
    Workload(
        "three in a circle, 30 rows, 20 ms",
        (
            one_by_one("acct_a", "acct_b"),
            one_by_one("acct_b", "acct_c"),
            one_by_one("acct_c", "acct_a"),
        ),
        pairs("public.acct_a → public.acct_b → public.acct_c"),
        rows=30,
        clients=9,
    ),
    Workload(
        "unsorted batches of 4, 500 rows, 20 ms",
        (batch(tidy=False),),
        pairs("public.acct_a, rows in no order"),
        rows=500,
    ),
)
HONEST = tuple(
    Workload(name, work, seconds=40)
    for name, work in (
        ("disjoint rows in opposite order", (FORTH, apart(BACK))),
        ("consistent order", (FORTH,)),
        ("a gate row", (behind_gate(FORTH, PARENT), behind_gate(BACK, PARENT))),
        ("a gate advisory lock", (behind_gate(FORTH, ADVISORY), behind_gate(BACK, ADVISORY))),
        ("head, lines, head; single updates", (head_lines_head, one_by_one("acct_b"))),
        ("inserts with a foreign key, updates", (insert_then_update, update_then_parent)),
        ("a trigger that counts", (summed, one_by_one("acct_b"), one_by_one("acct_c"))),
        ("sorted batches of 4", (batch(tidy=True),)),
        ("a queue with skip locked", (job, FORTH)),
        ("skip locked in opposite order", (count_then_job, FORTH)),
    )
)
