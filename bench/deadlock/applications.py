"""Applications as one meets them: what hides behind names, functions, foreign keys, partitions."""

from bench.deadlock.schema import MORE, ODD
from bench.deadlock.workloads import (
    BACK,
    FORTH,
    Client,
    Work,
    Workload,
    apart,
    behind_gate,
    one_by_one,
    pairs,
)


def in_turn(*statements: str) -> Work:
    """Each statement with a row of its own, thinking after each; `$1` is written out."""

    async def work(client: Client) -> None:
        for statement in statements:
            await client.session.execute(statement.replace("$1", str(client.row())))
            await client.pause()

    return work


def of_one_parent(*statements: str) -> Work:
    """All statements about the same row number, which the first of them keeps to itself."""

    async def work(client: Client) -> None:
        row = client.row()
        for statement in statements:
            await client.session.execute(statement, row)
            await client.pause()

    return work


def called(function: str) -> Work:
    async def work(client: Client) -> None:
        think = client.think
        await client.session.execute(
            f"select {function}($1, $2, $3)", client.row(), client.row(), think
        )

    return work


def nested(*tables: str) -> Work:
    """Savepoints, some of them given up."""

    async def work(client: Client) -> None:
        for table in tables:
            await client.session.execute("savepoint one")
            await client.update("acct_c", client.number + 1)
            await client.session.execute("rollback to savepoint one")
            await client.session.execute("savepoint two")
            await client.update(table)
            await client.session.execute("release savepoint two")
            await client.pause()

    return work


def rows_of(table: str, tidy: bool, written: str) -> Work:
    """Four rows of one table, one by one; `written` is how a row is told to the server."""

    async def work(client: Client) -> None:
        rows = client.dice.sample(range(1, client.rows + 1), 4)
        for row in sorted(rows) if tidy else rows:
            if "$1" in written:
                await client.session.execute(written.format(table), row)
            else:
                await client.session.execute(written.format(table, row))
            await client.pause()

    return work


def transfer(tidy: bool, keys: str = "{}") -> Work:
    """From one account to another; `tidy` begins with the smaller number."""

    async def work(client: Client) -> None:
        give, take = client.dice.sample(range(1, client.rows + 1), 2)
        steps = [(give, "v - 10"), (take, "v + 10")]
        for row, value in sorted(steps) if tidy else steps:
            await client.session.execute(
                f"update acct_a set v = {value} where id = {keys.format(row)}"
            )
            await client.pause()

    return work


async def sum_lines_sum(client: Client) -> None:
    """A head, its lines, and the head again, all in one table; heads have the small numbers."""
    head, *lines = client.dice.randint(1, 20), *sorted(client.dice.sample(range(21, 61), 2))
    state = "update acct_a set v = 1 where id = {}"
    for row, text in ((head, state), *((line, LITERAL) for line in lines), (head, state)):
        await client.session.execute(text.format(*("acct_a", row)[-text.count("{") :]))
        await client.pause()


UPDATE = "update {} set v = v + 1 where id = $1"
LITERAL = "update {} set v = v + 1 where id = {}"
UPSERT = "insert into {} values ($1, 1) on conflict (id) do update set v = excluded.v"
A, B = (UPDATE.format(table) for table in ("acct_a", "acct_b"))
LOCK_A, LOCK_B = (f"select v from acct_{name} where id = $1 for update" for name in "ab")
TAKE_PARENT = "select from parent where id = $1 for update"
PAIR = pairs("public.acct_a and public.acct_b")
DISORDER = pairs("public.acct_a, rows in no order")
RISKY = tuple(
    Workload(name, work, warned, MORE, rows)
    for name, rows, warned, work in (
        (
            "hostile names",
            50,
            pairs(f'{ODD[0]} and "select".items'),
            (one_by_one(*ODD[:2]), one_by_one(*ODD[1::-1])),
        ),
        (
            "two tables of one name",
            50,
            pairs('"select".items and other.items'),
            (one_by_one(*ODD[1:]), one_by_one(*ODD[:0:-1])),
        ),
        (
            "select for update, then update",
            50,
            PAIR,
            (in_turn(LOCK_A, B), in_turn(LOCK_B, A)),
        ),
        ("functions that hide it", 50, PAIR, (called("forth"), called("back"))),
        ("savepoints", 50, PAIR, (nested("acct_a", "acct_b"), nested("acct_b", "acct_a"))),
        (
            "a partitioned table",
            50,
            pairs("public.acct_a and public.events"),
            (one_by_one("acct_a", "events"), one_by_one("events", "acct_a")),
        ),
        (
            "children inserted, parents deleted",
            30,
            pairs("public.acct_a and public.parent"),
            (
                in_turn("insert into child (parent) values ($1)", A),
                in_turn(A, "delete from child where parent = $1", TAKE_PARENT),
            ),
        ),
        (
            "tables without an index",
            50,
            pairs("public.bare_a and public.bare_b"),
            (one_by_one("bare_a", "bare_b"), one_by_one("bare_b", "bare_a")),
        ),
        (
            "one statement for two tables",
            50,
            PAIR,
            (
                in_turn(
                    "with a as (update acct_a set v = 1 where id = $1 returning pg_sleep(0.02))"
                    " update acct_b set v = 1 from a where id = $1"
                ),
                BACK,
            ),
        ),
        ("transfers between accounts", 50, DISORDER, (transfer(tidy=False),)),
        ("transfers, keys in quotes", 50, DISORDER, (transfer(False, "'{}'"),)),
        ("unsorted upserts", 300, DISORDER, (rows_of("acct_a", False, UPSERT),)),
        ("unsorted batches, parameters", 300, DISORDER, (rows_of("acct_a", False, UPDATE),)),
        (
            "unsorted batches in partitions",
            300,
            pairs("public.events, rows in no order"),
            (rows_of("events", False, LITERAL),),
        ),
    )
)
DECENT = tuple(
    Workload(name, work, frozenset(), MORE, rows, seconds=40)
    for name, rows, work in (
        ("transfers, smaller number first", 50, (transfer(tidy=True),)),
        ("a head, its lines, the head again", 60, (sum_lines_sum,)),
        ("sorted batches, parameters", 300, (rows_of("acct_a", True, UPDATE),)),
        ("sorted batches where rows move", 300, (rows_of("packed", True, UPDATE),)),
        ("sorted upserts", 300, (rows_of("acct_a", True, UPSERT),)),
        ("sorted batches in partitions", 300, (rows_of("events", True, LITERAL),)),
        (
            "a parent row of each",
            30,
            (of_one_parent(TAKE_PARENT, A, B), of_one_parent(TAKE_PARENT, B, A)),
        ),
        (
            "a gate table",
            50,
            tuple(
                behind_gate(work, "lock table gate in share row exclusive mode")
                for work in (FORTH, BACK)
            ),
        ),
        (
            "one order, and its neighbour the other among rows of its own",
            50,
            (FORTH, one_by_one("acct_b"), apart(BACK)),
        ),
        (
            "children inserted, their parent counted",
            30,
            (
                of_one_parent(
                    "insert into child (parent) values ($1)",
                    "update parent set v = v + 1 where id = $1",
                ),
            ),
        ),
        (
            "updates that give up at once",
            50,
            (in_turn(A, f"{LOCK_B} nowait"), in_turn(B, f"{LOCK_A} nowait")),
        ),
        ("savepoints in one order", 50, (nested("acct_a", "acct_b"),)),
        ("functions in one order", 50, (called("forth"),)),
        (
            "in one order across partitions",
            50,
            (one_by_one("acct_a", "events_low", "events_high"),),
        ),
    )
)
