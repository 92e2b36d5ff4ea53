"""Verdicts of migrations by traces made by hand: levels, advice, backfills, names still in use."""

from dataclasses import replace

import pytest

from alerts.migrations.advice import Level
from alerts.migrations.duration import Range, duration
from alerts.migrations.kind import Kind
from alerts.migrations.live import LiveServer, LiveTable, Observed, OldestHolder, Standby, Traffic
from alerts.migrations.lock_mode import Blocked, LockMode
from alerts.migrations.rows_written import written
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Block, Failure, Held, Relation, Traced
from alerts.migrations.verdict import FileVerdict, Verdict, judged
from monitor.migrations.parsing import tree

ORDERS = Relation("public", "orders")
TABLE = LiveTable(
    ORDERS,
    bytes=800 << 20,
    index_bytes=200 << 20,
    indexes=2,
    rows=9e6,
    traffic=Traffic(90.0, 10.0, counted=True),
    null_shares={"note": 0.0, "total": 0.25},
    repeated={"note": True, "code": False},
    keys={"id": True, "sku": False},
)
SEEN = (Observed("scan", 100_000, 1.0),)
LIVE = LiveServer("db", 170_000, {ORDERS: TABLE}, (), None, SEEN, "", (), 0.0)
GUIDE = """DO $$
DECLARE batch_size int := 1000; last_id bigint := 0; max_id bigint;
BEGIN
    SELECT max(id) INTO max_id FROM orders;
    WHILE last_id < max_id LOOP
        UPDATE orders SET total = 0 WHERE id > last_id AND id <= last_id + batch_size;
        GET DIAGNOSTICS last_id = ROW_COUNT;
        EXIT WHEN last_id = 0;
        last_id := last_id + batch_size;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$"""
GAP = """DO $$ DECLARE last_id bigint := 0; n int; BEGIN LOOP
    UPDATE orders SET total = 0 WHERE id > last_id AND id <= last_id + 1000;
    GET DIAGNOSTICS n = ROW_COUNT; EXIT WHEN n = 0; last_id := last_id + 1000; COMMIT;
    END LOOP; END $$"""
GOOD = """DO $$ DECLARE n int; BEGIN LOOP
    UPDATE orders SET total = 0 WHERE id IN (SELECT id FROM orders WHERE total IS NULL LIMIT 1000);
    GET DIAGNOSTICS n = ROW_COUNT; EXIT WHEN n = 0; COMMIT;
    END LOOP; END $$"""


def statement(sql: str) -> Statement:
    found = tree(sql)
    assert "error" not in found
    return Statement(1, 1, sql, next(iter(found)), found)


def traced(sql: str, mode: LockMode | None = LockMode.AccessExclusive, **more: object) -> Traced:
    locks = (Held(ORDERS, mode),) if mode else ()
    made = Traced(statement(sql), locks, lock_timeout=2.0)
    return replace(made, **more)  # type: ignore[arg-type]


def verdict(one: Traced, live: LiveServer | None = LIVE) -> Verdict:
    [found] = judged([one], live).verdicts
    return found


def texts(found: Verdict) -> str:
    return " | ".join(advice.text for advice in found.advice)


INSTANT = "ALTER TABLE orders ADD COLUMN x int"
BUILD = "CREATE INDEX CONCURRENTLY i ON orders (note)"
DROP = "DROP INDEX CONCURRENTLY i"
SCAN = "ALTER TABLE orders ALTER COLUMN note SET NOT NULL"


@pytest.mark.parametrize(
    ("one", "level"),
    [
        (traced(INSTANT), Level.safe),
        (traced(INSTANT, lock_timeout=0.0), Level.caution),
        (traced(SCAN, scanned=(ORDERS,)), Level.danger),
        (traced("ALTER TABLE orders VALIDATE CONSTRAINT c", None, scanned=(ORDERS,)), Level.safe),
        (traced(INSTANT, None, failure=Failure("42P01", "it is not there")), Level.danger),
        (traced(INSTANT, None, unknown="a reason"), Level.unknown),
        (traced("TRUNCATE orders", emptied=(ORDERS,)), Level.caution),
    ],
)
def test_levels(one: Traced, level: Level) -> None:
    """By the sessions that are blocked, and for how long."""
    assert verdict(one).level is level


LEFT = "leaves an invalid index"


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (traced(BUILD, LockMode.ShareUpdateExclusive), True),
        (traced("REINDEX TABLE CONCURRENTLY orders", LockMode.ShareUpdateExclusive), True),
        (traced(BUILD, LockMode.ShareUpdateExclusive, lock_timeout=0.0), False),
        (traced(BUILD, LockMode.ShareUpdateExclusive, created=True), False),
        (traced("CREATE INDEX i ON orders (note)", LockMode.Share), False),
        (traced("DROP INDEX CONCURRENTLY i", LockMode.ShareUpdateExclusive), False),
    ],
)
def test_a_limit_of_waits_for_locks_ends_a_build_too(one: Traced, told: bool) -> None:
    assert (LEFT in texts(verdict(one))) is told


def test_seconds_come_from_the_pace_of_this_server() -> None:
    """A scan of 100,000 pages took a second; without any pace nothing is claimed."""
    one = traced(SCAN, scanned=(ORDERS,))
    found = duration(one, LIVE).range
    assert found
    assert found.high == pytest.approx(10 * found.low)
    assert found.low < 102_400 / 100_000 * 1.6 < found.high
    unknown = duration(one, replace(LIVE, observed=(), why_unobserved="no extension"))
    assert (unknown.range, "no extension" in unknown.reason) == (None, True)
    small = replace(LIVE, tables={ORDERS: replace(TABLE, bytes=8192)}, observed=())
    assert duration(one, small).range == Range(0.0, 0.3)


def test_a_lock_is_held_until_the_end_of_its_transaction() -> None:
    block = Block(1)
    instant = traced(INSTANT, block=block)
    build = traced("CREATE INDEX ON orders (note)", None, rebuilt=(ORDERS,), block=block)
    first, second = judged([instant, build], LIVE).verdicts
    assert first.kind is Kind.instant
    assert first.level is Level.danger
    assert first.held.range == second.duration.range
    assert "COMMIT in between" in texts(first)


def test_whom_it_would_wait_for() -> None:
    """An old transaction on the table: with a lock_timeout the queue behind is short."""
    held = replace(TABLE, holders=(OldestHolder(77, 600.0, "idle in transaction"),))
    live = replace(LIVE, tables={ORDERS: held})
    assert verdict(traced(INSTANT), live).level is Level.caution
    unguarded = verdict(traced(INSTANT, lock_timeout=0.0), live)
    assert unguarded.level is Level.danger
    assert "pid 77" in texts(unguarded)


@pytest.mark.parametrize(
    ("sql", "wanted", "held", "waits"),
    [
        (INSTANT, LockMode.AccessExclusive, LockMode.AccessShare, True),
        ("CREATE INDEX ON orders (note)", LockMode.Share, LockMode.AccessShare, False),
        ("CREATE INDEX ON orders (note)", LockMode.Share, LockMode.RowExclusive, True),
        (BUILD, LockMode.ShareUpdateExclusive, LockMode.RowShare, False),
        (BUILD, LockMode.ShareUpdateExclusive, LockMode.RowExclusive, True),
        (DROP, LockMode.ShareUpdateExclusive, LockMode.AccessShare, True),
    ],
)
def test_it_waits_only_for_locks_in_its_way(
    sql: str, wanted: LockMode, held: LockMode, waits: bool
) -> None:
    """A report that only reads keeps no index from being built."""
    holder = OldestHolder(77, 600.0, "idle in transaction", held)
    live = replace(LIVE, tables={ORDERS: replace(TABLE, holders=(holder,))})
    assert ("pid 77" in texts(verdict(traced(sql, wanted), live))) is waits


@pytest.mark.parametrize(("sql", "waits"), [(BUILD, True), (DROP, False), (INSTANT, False)])
def test_who_waits_for_old_snapshots(sql: str, waits: bool) -> None:
    """A build waits for the snapshots of the database; what drops an index does not."""
    live = replace(LIVE, oldest=OldestHolder(78, 600.0, "active"))
    assert ("pid 78" in texts(verdict(traced(sql), live))) is waits


def test_of_a_small_table_all_rows_may_be_written() -> None:
    for sql in ("UPDATE orders SET total = 0", "DELETE FROM orders WHERE note = 'a'"):
        small = replace(LIVE, tables={ORDERS: replace(TABLE, rows=10_000.0)})
        assert verdict(traced(sql, LockMode.RowExclusive), small).level is Level.safe


def test_what_rows_would_refuse() -> None:
    assert "may still be there" in texts(verdict(traced(SCAN, scanned=(ORDERS,))))
    nulls = "ALTER TABLE orders ALTER COLUMN total SET NOT NULL"
    assert "about 25 % of the rows: it will fail" in texts(verdict(traced(nulls)))
    unique = "CREATE UNIQUE INDEX ON orders (note)"
    assert "occur more than once" in texts(verdict(traced(unique, LockMode.Share)))
    check = verdict(traced("ALTER TABLE orders ADD CHECK (total > 0)"))
    assert "Not known: whether all rows satisfy" in texts(check)
    assert check.level is Level.unknown


@pytest.mark.parametrize(
    ("column", "more", "told"),
    [
        ("note", {}, True),
        ("total", {}, False),
        ("added_by_the_file", {}, False),
        ("note", {"rewritten": ()}, False),
        ("note", {"created": True}, False),
    ],
)
def test_a_new_type_that_rows_may_refuse(column: str, more: dict[str, object], told: bool) -> None:
    live = replace(LIVE, tables={ORDERS: replace(TABLE, types={"note": "text", "total": "int4"})})
    sql = f"ALTER TABLE orders ALTER {column} TYPE bigint USING {column}::bigint"
    one = replace(traced(sql, rewritten=(ORDERS,)), **more)  # type: ignore[arg-type]
    assert ("Not known: whether each value of" in texts(verdict(one, live))) is told


@pytest.mark.parametrize(
    ("change", "told"),
    [("varchar(20) USING note::varchar(20)", True), ("varchar(20)", False), ("text", False)],
)
def test_values_that_using_cuts(change: str, told: bool) -> None:
    """It is an error without the explicit cast, and a loss of data with it."""
    live = replace(LIVE, tables={ORDERS: replace(TABLE, types={"note": "text"})})
    sql = f"ALTER TABLE orders ALTER note TYPE {change}"
    found = verdict(traced(sql, rewritten=(ORDERS,)), live)
    assert ("cuts each value of note that is longer than 20 characters" in texts(found)) is told
    assert not told or found.level is Level.danger


def test_rows_of_a_partitioned_table_are_those_of_its_partitions() -> None:
    part = replace(TABLE, relation=Relation("public", "orders_1"))
    whole = replace(TABLE, rows=0.0, bytes=0)
    sql = "ALTER TABLE orders ADD CHECK (total > 0)"
    for rows, kind, told in ((5.0, "p", True), (0.0, "p", False), (5.0, "r", False)):
        tables = {ORDERS: whole, part.relation: replace(part, rows=rows)}
        held = (
            Held(ORDERS, LockMode.AccessExclusive, kind=kind),
            Held(part.relation, LockMode.AccessExclusive),
        )
        found = verdict(traced(sql, locks=held), replace(LIVE, tables=tables))
        assert ("whether all rows satisfy" in texts(found)) is told


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("ALTER TABLE orders DROP COLUMN note", True),
        ("ALTER TABLE orders RENAME COLUMN note TO remark", True),
        ("ALTER TABLE orders DROP COLUMN remark", False),
        ("DROP TABLE orders", True),
        ("ALTER TABLE orders RENAME TO old", True),
    ],
)
def test_what_statements_still_name(sql: str, named: bool) -> None:
    live = replace(LIVE, texts=("SELECT note FROM orders WHERE id = $1", "SELECT remark FROM x"))
    found = verdict(traced(sql), live)
    assert (found.level is Level.danger) is named
    unread = verdict(traced(sql), replace(LIVE, texts=None))
    assert "Not known" in texts(unread)
    assert unread.level is Level.caution
    partly = verdict(traced(sql), replace(live, texts_hidden=True))
    assert partly.level is (Level.danger if named else Level.caution)
    assert ("statements of other roles" in texts(partly)) is not named


def test_transactions_of_others_that_are_hidden() -> None:
    """Whether it waits is known, and for how long is not."""
    told = "as our role may not see the transactions of others"
    for mode, is_told in ((LockMode.AccessShare, True), (None, False)):
        table = replace(TABLE, hidden=(mode,) if mode else ())
        found = verdict(traced(INSTANT), replace(LIVE, tables={ORDERS: table}))
        assert (told in texts(found)) is is_told
        assert found.level is (Level.unknown if is_told else Level.safe)
    held = replace(TABLE, hidden=(LockMode.AccessShare,))
    scan = traced("CREATE INDEX i ON orders (note)", LockMode.Share, rebuilt=(ORDERS,))
    assert told not in texts(verdict(scan, replace(LIVE, tables={ORDERS: held})))
    build = traced(BUILD, LockMode.ShareUpdateExclusive, lock_timeout=0.0, rebuilt=(ORDERS,))
    assert told in texts(verdict(build, replace(LIVE, sessions_hidden=True)))
    assert told not in texts(verdict(build))


def test_no_secret_of_a_statement_is_told() -> None:
    """Its text is that of the server, where values may still be in it."""
    live = replace(LIVE, texts=("DO $$ BEGIN PERFORM dblink('pass', 'UPDATE orders') END $$",))
    found = texts(verdict(traced("DROP TABLE orders"), live))
    assert "such as: do …." in found.lower()
    assert "pass" not in found


@pytest.mark.parametrize(
    ("body", "said", "level"),
    [
        (GUIDE, "overwrites last_id", Level.danger),
        (GAP, "first range of keys without a row", Level.danger),
        (GOOD, "", Level.safe),
        ("UPDATE orders SET total = 0", "every row of the table in one", Level.caution),
        ("UPDATE orders SET total = 0 WHERE id = 1", "", Level.safe),
        ("DELETE FROM orders o WHERE note = 'a' AND o.id IN (1, 2)", "", Level.safe),
        ("DELETE FROM orders WHERE id = 1 OR 2 = id", "", Level.safe),
        ("DELETE FROM orders WHERE id = 1 OR note = 'a'", "about 9,000,000", Level.unknown),
        ("UPDATE orders SET total = 0 WHERE note = 'a'", "Not known: how many", Level.unknown),
        ("UPDATE orders SET total = 0 WHERE id <> 1", "Not known: how many", Level.unknown),
        ("UPDATE orders SET total = 0 WHERE NOT id = 1", "Not known: how many", Level.unknown),
        ("DELETE FROM orders WHERE id = (SELECT max(n) FROM x)", "", Level.safe),
        ("DELETE FROM orders WHERE id IN (SELECT n FROM x)", "how many", Level.unknown),
        ("DELETE FROM orders WHERE ref = 7", "how many", Level.unknown),
        ("DELETE FROM orders WHERE id = total", "Not known: how many", Level.unknown),
    ],
)
def test_backfills(body: str, said: str, level: Level) -> None:
    """The loop that overwrites its key stops early, and so does one that ends at a gap."""
    found = verdict(traced(body, LockMode.RowExclusive))
    assert said in texts(found)
    assert found.level is level


TAKEN = "SELECT id FROM orders WHERE total IS NULL ORDER BY id LIMIT"


@pytest.mark.parametrize(
    ("batch", "most"),
    [
        ("UPDATE orders SET total = 0 WHERE id BETWEEN 1 AND 1000 AND total IS NULL", 1000),
        ("UPDATE orders SET total = 0 WHERE id > 0 AND id <= 1000::bigint", 1000),
        ("UPDATE orders o SET total = 0 WHERE 3000 > o.id AND o.id >= 1000", 2000),
        ("UPDATE orders SET total = 0 WHERE id BETWEEN 1 AND 20000 AND id < 5 AND id > 2", 2),
        ("UPDATE orders SET total = 0 WHERE sku IN ('a', 'b') OR id = 1", 3),
        ("UPDATE orders SET total = 0 WHERE id = ANY ('{1,2,3}')", 3),
        ("UPDATE orders SET total = 0 WHERE id = ANY (ARRAY[1, 2])", 2),
        (f"DELETE FROM orders WHERE id IN ({TAKEN} 500 FOR UPDATE SKIP LOCKED)", 500),
        (f"DELETE FROM orders WHERE id = ANY (ARRAY({TAKEN} 500))", 500),
        ("DELETE FROM orders WHERE ctid IN (SELECT ctid FROM orders LIMIT 50)", 50),
        ("UPDATE orders SET total = 0 WHERE ctid >= '(0,0)' AND ctid < '(10,0)'::tid", 966),
        (
            f"WITH b AS ({TAKEN} 700) UPDATE orders o SET total = 0 FROM b WHERE o.id = b.id",
            700,
        ),
        (
            f"UPDATE orders o SET total = 0 FROM ({TAKEN} 700) AS b WHERE b.id = o.id",
            700,
        ),
        ("WITH gone AS (DELETE FROM orders WHERE id < 9 AND id > 0) SELECT 1", 8),
        ("UPDATE orders SET total = 0 WHERE id BETWEEN 1 AND 3000000", 3e6),
        ("UPDATE orders SET total = 0 WHERE id < 1000", None),
        ("UPDATE orders SET total = 0 WHERE id > 9 AND id >= 10", None),
        ("UPDATE orders SET total = 0 WHERE id BETWEEN $1 AND $2", None),
        ("UPDATE orders SET total = 0 WHERE id BETWEEN 0.5 AND 9", None),
        ("UPDATE orders SET total = 0 WHERE sku BETWEEN '1' AND '9'", None),
        ("UPDATE orders SET total = 0 WHERE code BETWEEN 1 AND 9", None),
        ("UPDATE orders SET total = 0 WHERE id NOT BETWEEN 1 AND 9", None),
        ("UPDATE orders SET total = 0 WHERE id NOT IN (1, 2)", None),
        ("UPDATE orders SET total = 0 WHERE note IN (SELECT note FROM orders LIMIT 5)", None),
        ("UPDATE orders SET total = 0 WHERE id IN (SELECT id FROM orders LIMIT $1)", None),
        ("UPDATE orders SET total = 0 WHERE id % 10 = 3", None),
        ("UPDATE orders SET total = x.n FROM x WHERE x.id = 5", None),
        ("UPDATE orders SET total = x.n FROM x WHERE id BETWEEN 1 AND 9", None),
        ("UPDATE orders o SET total = x.n FROM x WHERE o.id = x.id", None),
        ("UPDATE orders SET total = 0 WHERE id BETWEEN 1 AND 9 OR total IS NULL", None),
        ("MERGE INTO orders o USING x ON o.id = x.id WHEN MATCHED THEN DELETE", None),
    ],
)
def test_rows_that_a_batch_writes_at_most(batch: str, most: float | None) -> None:
    """By a range of whole keys, by single keys, or by the LIMIT of what it takes."""
    one = traced(batch, LockMode.RowExclusive)
    [found] = written(one, LIVE)
    assert found.most == (most if most is None else pytest.approx(most, rel=0.001))
    level = Level.unknown if most is None else Level.caution if most > 10_000 else Level.safe
    assert verdict(one).level is level
    assert (most is None) is ("Not known: how many" in texts(verdict(one)))
    assert (most is not None and most > 10) is (
        "by the keys" in texts(verdict(one)) or level is Level.caution
    )


def test_of_a_partitioned_table_all_partitions_count() -> None:
    """The parent itself has no pages, and no row."""
    parent = replace(TABLE, bytes=0, rows=0.0)
    part = replace(TABLE, relation=Relation("public", "orders_1"), keys={})
    live = replace(LIVE, tables={ORDERS: parent, part.relation: part})
    locks = (Held(ORDERS, LockMode.RowExclusive), Held(part.relation, LockMode.RowExclusive))
    for sql, said in (
        ("UPDATE orders SET total = 0", "every row of the table in one"),
        (
            "UPDATE orders SET total = 0 WHERE ctid < '(9,0)' AND ctid > '(0,0)'",
            "how many of about",
        ),
    ):
        assert said in texts(verdict(traced(sql, None, locks=locks), live))
    unread = replace(live, tables={ORDERS: parent, part.relation: replace(part, rows=None)})
    one = traced("DELETE FROM orders WHERE note = 'a'", None, locks=locks)
    assert "how many of its rows" in texts(verdict(one, unread))


def test_a_table_that_its_transaction_has_locked_already() -> None:
    """The trace of the statement has no lock of its own then."""
    for sql in ("UPDATE public.orders SET total = 0", "DELETE FROM orders WHERE note = 'a'"):
        assert verdict(traced(sql, None, already=(ORDERS,))).level is not Level.safe
    part = replace(TABLE, relation=Relation("public", "orders_1"))
    live = replace(LIVE, tables={ORDERS: replace(TABLE, rows=0.0), part.relation: part})
    one = traced("UPDATE orders SET total = 0", None, already=(ORDERS,), scanned=(part.relation,))
    assert "every row of the table" in texts(verdict(one, live))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("ALTER TABLE orders DROP COLUMN note", "recent statements name it"),
        ("CREATE UNIQUE INDEX ON orders (note)", "occur more than once"),
        ("ALTER TABLE orders ALTER total SET NOT NULL", "about 25 % of the rows: it will fail"),
        ("ALTER TABLE orders ALTER note TYPE int", "Expand and contract"),
    ],
)
def test_what_is_told_of_a_table_that_is_locked_already(sql: str, said: str) -> None:
    live = replace(LIVE, texts=("SELECT note FROM orders WHERE id = $1",))
    one = traced(sql, None, already=(ORDERS,), rewritten=(ORDERS,))
    found = verdict(one, live)
    assert said in texts(found)
    assert found.level is Level.danger or "Expand" in said


def test_batches_of_one_transaction_are_no_batches() -> None:
    """Told once, where their sum gets large."""
    each = [
        traced(f"UPDATE orders SET total = 0 WHERE id BETWEEN {n} AND {n + 3999}", None)
        for n in range(0, 16_000, 4000)
    ]
    held = (Held(ORDERS, LockMode.RowExclusive),)
    together = [replace(one, locks=held, block=Block(1)) for one in each]
    found = [texts(one) for one in judged(together, LIVE).verdicts]
    assert ["may write 12,000 rows" in text for text in found] == [False, False, True, False]
    alone = [replace(one, locks=held) for one in each]
    assert judged(alone, LIVE).exit_status == 0


def test_not_null_after_a_loop_that_stops_early_fails() -> None:
    loop = traced(GUIDE, None, unknown="code")
    ill: FileVerdict = judged([loop, traced(SCAN, scanned=(ORDERS,))], LIVE)
    assert "the backfill before it stops before all rows" in texts(ill.verdicts[1])
    assert ill.exit_status == 2


@pytest.mark.parametrize(
    ("sql", "since"),
    [
        ("ALTER TABLE orders ADD x int GENERATED ALWAYS AS (id) VIRTUAL", 18),
        ("ALTER TABLE orders ADD CONSTRAINT c NOT NULL note NOT VALID", 18),
        ("ALTER TABLE orders ADD CHECK (id > 0) NOT ENFORCED", 18),
        ("CREATE UNIQUE INDEX ON orders (note) NULLS NOT DISTINCT", 15),
        ("SET transaction_timeout = 0", 17),
        ("SET lock_timeout = 0", 9),
        ("ALTER TABLE orders ADD x int GENERATED ALWAYS AS (id) STORED", 12),
        ("ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES x", 10),
        ("CREATE TABLE t (id int CHECK (id > 0) REFERENCES x)", 10),
    ],
)
def test_syntax_that_is_newer_than_the_server(sql: str, since: int) -> None:
    for major in (14, 17, 18):
        failure = verdict(traced(sql, None), replace(LIVE, version=major * 10000)).failure
        assert bool(failure) is (major < since)


@pytest.mark.parametrize(
    ("sql", "mode", "did", "said"),
    [
        (SCAN, LockMode.AccessExclusive, "scanned", "A validated CHECK proves"),
        ("CREATE INDEX ON orders (note)", LockMode.Share, "rebuilt", "CONCURRENTLY builds it"),
        ("REINDEX TABLE orders", LockMode.Share, "rebuilt", "REINDEX ... CONCURRENTLY"),
        (
            "ALTER TABLE orders ADD UNIQUE (note)",
            LockMode.AccessExclusive,
            "rebuilt",
            "takes it over",
        ),
        ("ALTER TABLE orders ALTER note TYPE int", LockMode.AccessExclusive, "rewritten", "Expand"),
        ("VACUUM FULL orders", LockMode.AccessExclusive, "rewritten", "pg_repack"),
        (
            "ALTER TABLE orders ADD x uuid DEFAULT gen_random_uuid()",
            LockMode.AccessExclusive,
            "rewritten",
            "differs for each row",
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES x",
            LockMode.ShareRowExclusive,
            "scanned",
            "NOT VALID, and VALIDATE it",
        ),
    ],
)
def test_safer_forms(sql: str, mode: LockMode, did: str, said: str) -> None:
    assert said in texts(verdict(traced(sql, mode, **{did: (ORDERS,)})))


def test_what_a_rewrite_writes() -> None:
    """To disk, and as WAL, which standbys replay and slots may keep."""
    live = replace(LIVE, standbys=(Standby("a", 0, False),) * 2, slots_keep_all=True)
    found = verdict(traced("ALTER TABLE orders ALTER id TYPE bigint", rewritten=(ORDERS,)), live)
    assert found.writes_bytes == 1000 << 20
    assert "which a and a must receive and replay. A replication slot may keep all of it" in texts(
        found
    )
    assert found.blocked is Blocked.all


def test_code_that_rewrites_a_table() -> None:
    """A DO block is not known, but what it did on the clone it does at least."""
    found = verdict(traced("DO $$BEGIN END$$", unknown="a DO block", rewritten=(ORDERS,)))
    assert (found.kind, found.level) == (Kind.unknown, Level.danger)
    found = verdict(traced("DO $$BEGIN END$$", unknown="a DO block"))
    assert found.level is not Level.danger


def test_dropped_tables_and_a_transaction_without_an_end() -> None:
    """Rows that go, and a file that ends before its COMMIT."""
    found = verdict(traced("DROP TABLE orders"))
    assert "It removes public.orders with all rows." in texts(found)
    assert "It removes public.orders" in texts(verdict(traced("DROP SCHEMA public CASCADE")))
    assert "It removes" not in texts(verdict(traced("DROP SCHEMA other CASCADE")))
    assert "It removes" not in texts(verdict(traced("DROP VIEW orders")))
    open_one = verdict(traced("ALTER TABLE orders ADD x int", block=Block(1)))
    assert "without a COMMIT all of it is rolled back" in texts(open_one)


@pytest.mark.parametrize(
    ("sql", "is_told"),
    [
        ("ALTER TABLE orders ADD a uuid DEFAULT gen_random_uuid(), ALTER id TYPE text", True),
        ("ALTER TABLE orders ADD a bigserial, ALTER id TYPE text", True),
        ("ALTER TABLE orders ADD a text DEFAULT 'x'::text, ALTER id TYPE text", False),
        ("ALTER TABLE orders ADD a text, ALTER id TYPE text", False),
        ("ALTER TABLE orders ADD a posint", True),
    ],
)
def test_which_column_rewrites_the_table(sql: str, is_told: bool) -> None:
    """A constant default is none of the reasons."""
    found = texts(verdict(traced(sql, rewritten=(ORDERS,))))
    assert ("A default that differs for each row" in found) is is_told


@pytest.mark.parametrize(
    ("definition", "fails"),
    [
        ("tenant text NOT NULL", True),
        ("tenant bigint PRIMARY KEY", True),
        ("tenant text NOT NULL DEFAULT ''", False),
        ("tenant bigserial NOT NULL", False),
        ("tenant serial8 PRIMARY KEY", False),
        ("tenant int GENERATED ALWAYS AS IDENTITY PRIMARY KEY", False),
        ("tenant int NOT NULL GENERATED ALWAYS AS (total * 2) STORED", False),
        ("tenant text NOT NULL DEFAULT NULL", True),
        ("tenant text DEFAULT NULL::text NOT NULL", True),
        ("tenant text", False),
    ],
)
def test_a_new_column_that_must_not_be_null(definition: str, fails: bool) -> None:
    """Without a default it is NULL in all rows that are there."""
    sql = f"ALTER TABLE orders ADD COLUMN x int, ADD COLUMN {definition}"
    found = verdict(traced(sql, scanned=(ORDERS,)))
    assert ("orders has rows, and the new column tenant" in texts(found)) == fails
    assert "the new column" not in texts(verdict(traced(sql)))
    empty = replace(LIVE, tables={ORDERS: replace(TABLE, rows=0.0)})
    assert "the new column" not in texts(verdict(traced(sql, scanned=(ORDERS,)), empty))
    by_type = traced(sql, scanned=(ORDERS,), filled=("tenant",))
    assert "the new column" not in texts(verdict(by_type))


@pytest.mark.parametrize(
    ("rest", "index", "taken_over"),
    [
        ("UNIQUE (note)", "(note);", "USING INDEX u;"),
        ("UNIQUE NULLS NOT DISTINCT (a, b)", "(a, b) NULLS NOT DISTINCT;", "USING INDEX u;"),
        ('UNIQUE (a) INCLUDE (b, "C")', '(a) INCLUDE (b, "C");', "USING INDEX u;"),
        ("UNIQUE (a) USING INDEX TABLESPACE fast", "(a) TABLESPACE fast;", "USING INDEX u;"),
        ("UNIQUE (a) DEFERRABLE", "(a);", "USING INDEX u DEFERRABLE;"),
        (
            "PRIMARY KEY (a) INITIALLY DEFERRED",
            "(a);",
            "PRIMARY KEY USING INDEX u DEFERRABLE INITIALLY DEFERRED;",
        ),
    ],
)
def test_a_unique_constraint_stays_what_it_is(rest: str, index: str, taken_over: str) -> None:
    """In two steps it has all that it has in one."""
    one = traced(f"ALTER TABLE orders ADD CONSTRAINT u {rest}", rebuilt=(ORDERS,))
    [sql] = [advice.sql for advice in verdict(one).advice if advice.sql]
    assert sql[0].endswith(f"ON public.orders {index}")
    assert sql[2].endswith(taken_over)


@pytest.mark.parametrize(
    ("rest", "held", "told"),
    [
        ("UNIQUE (a) WITH (fillfactor = 70)", "r", "Build the index first"),
        ("PRIMARY KEY (a, b WITHOUT OVERLAPS)", "r", "no form that builds its index"),
        ("UNIQUE (a)", "p", "add it to ONLY the parent"),
    ],
)
def test_a_unique_constraint_without_statements(rest: str, held: str, told: str) -> None:
    """What is printed would be another constraint, or would fail."""
    one = traced(f"ALTER TABLE orders ADD CONSTRAINT u {rest}", rebuilt=(ORDERS,))
    locks = (Held(ORDERS, LockMode.AccessExclusive, kind=held),)
    found = verdict(replace(one, locks=locks), replace(LIVE, version=180_000))
    assert told in texts(found)
    assert not [advice.sql for advice in found.advice if advice.sql]


def test_no_index_of_a_partitioned_table_is_dropped_concurrently() -> None:
    """PostgreSQL refuses that."""
    one = traced("DROP INDEX i")
    assert "CONCURRENTLY" in texts(verdict(one))
    parent = (Held(ORDERS, LockMode.AccessExclusive, kind="p"),)
    assert "CONCURRENTLY" not in texts(verdict(replace(one, locks=parent)))


@pytest.mark.parametrize(("rest", "is_told"), [("", True), (" NOT VALID", False)])
def test_a_named_constraint_of_no_nulls(rest: str, is_told: bool) -> None:
    """Since 18 NOT NULL may have a name; it fails on the same rows."""
    sql = f"ALTER TABLE orders ADD CONSTRAINT n NOT NULL total{rest}"
    found = verdict(traced(sql, scanned=(ORDERS,)), replace(LIVE, version=180_000))
    assert ("total is NULL in about 25 % of the rows: it will fail" in texts(found)) is is_told


def test_a_new_column_whose_domain_takes_no_null() -> None:
    """It is NULL in all rows that are there."""
    new = traced("ALTER TABLE orders ADD tenant full_text", rewritten=(ORDERS,))
    assert "the new column" not in texts(verdict(new))
    found = verdict(replace(new, refused=("tenant",)))
    assert "a domain as its type that takes no NULL: it will fail" in texts(found)
    assert found.level is Level.danger
    empty = replace(LIVE, tables={ORDERS: replace(TABLE, rows=0.0)})
    assert "takes no NULL" not in texts(verdict(replace(new, refused=("tenant",)), empty))


def test_what_cascade_removes() -> None:
    """Columns of a type, and constraints of other tables, are no rows of what is dropped."""
    for sql in ("DROP TYPE mood CASCADE", "DROP TABLE customers CASCADE"):
        found = verdict(traced(sql))
        assert "CASCADE removes what depends on it in public.orders" in texts(found)
        assert found.level is Level.caution
        assert str(found.way_back).startswith("none: ")
    found = verdict(traced("DROP TYPE mood"))
    assert "removes" not in texts(found)
    assert found.way_back == "create it again as it was"
    whole = texts(verdict(traced("DROP SCHEMA public CASCADE")))
    assert "It removes public.orders with all rows." in whole
    assert "depends" not in whole


def test_ways_back_of_a_composite_type() -> None:
    """They are not those of a table."""
    found = verdict(traced("ALTER TYPE spot ADD ATTRIBUTE z int"))
    assert str(found.way_back).startswith("DROP ATTRIBUTE z")


@pytest.mark.parametrize(
    ("rest", "statements"),
    [
        ("FOR VALUES FROM ('2027-01-01') TO ('2027-02-01')", 4),
        ("FOR VALUES IN ('a', 'b') WITH (fillfactor = 70)", 0),
        ("FOR VALUES FROM (1) TO (2) PARTITION BY LIST (a)", 0),
        ("(total NOT NULL) FOR VALUES FROM (1) TO (2)", 0),
        ("DEFAULT", 0),
    ],
)
def test_a_partition_is_made_alone_and_attached(rest: str, statements: int) -> None:
    """The statements are written where they do the same."""
    found = verdict(traced(f'CREATE TABLE "P 1" PARTITION OF public.orders {rest}'))
    [advice] = [one for one in found.advice if one.text.startswith("ATTACH PARTITION")]
    assert len(advice.sql) == statements
    if statements:
        assert advice.sql[2] == f'ALTER TABLE public.orders ATTACH PARTITION "P 1" {rest};'


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE UNLOGGED TABLE p1 PARTITION OF orders FOR VALUES IN ('a')",
        "CREATE TABLE IF NOT EXISTS p1 PARTITION OF orders FOR VALUES IN ('a')",
        "CREATE TABLE p1 PARTITION OF orders FOR VALUES IN ('a') USING heap",
        "CREATE TABLE p1 PARTITION OF orders FOR VALUES FROM (1) TO (2) -- two (or more)",
        "CREATE TABLE p1 PARTITION OF orders FOR VALUES FROM (1) TO (2) /* two (or more) */",
    ],
)
def test_nothing_is_printed_that_would_do_less_or_break(sql: str) -> None:
    """A partition is made as it is wanted, and no comment swallows the end of a statement."""
    found = verdict(traced(sql))
    [advice] = [one for one in found.advice if one.text.startswith("ATTACH PARTITION")]
    assert advice.sql == ()


def test_settings_by_a_query_take_no_time() -> None:
    """They are no data."""
    assert verdict(traced("SELECT set_config('a.b', 'c', false)", None)).kind is Kind.instant
    assert verdict(traced("SELECT now()", None)).kind is Kind.data


def test_a_large_transaction_of_which_nothing_is_known() -> None:
    """Each statement is looked at once, not once for each of those before it."""
    one = traced(INSTANT, unknown="statement 1 fails in its transaction", block=Block(1))
    found = judged([one] * 30_000, None).verdicts
    assert {verdict.kind for verdict in found} == {Kind.unknown}
