"""The shop of the engineering guide: exactly the findings about storage that it deserves."""

import time
from collections.abc import Mapping

from alerts._base import AnyFinding
from alerts._catalogue import all_findings
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors._capabilities import COLUMN_STATISTICS
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

CHAPTER: Mapping[str, AnyFinding] = {
    name: finding
    for name, finding in all_findings().items()
    if finding.chapter in ("indexes", "runway", "storage", "vacuum")
}
COLLECTORS = {one for f in CHAPTER.values() for one in (*f.reads, *f.consults) if one.sql}
SHOP = """
    CREATE TABLE customers (
        id bigserial PRIMARY KEY,
        email text NOT NULL UNIQUE,
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE products (
        id bigserial PRIMARY KEY,
        sku text NOT NULL UNIQUE,
        name text NOT NULL,
        price_cents int NOT NULL CHECK (price_cents >= 0)
    );
    CREATE TABLE orders (
        id bigserial PRIMARY KEY,
        customer_id bigint NOT NULL REFERENCES customers,
        status text NOT NULL DEFAULT 'new'
            CHECK (status IN ('new', 'paid', 'shipped', 'cancelled')),
        created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON orders (customer_id);
    CREATE INDEX ON orders (status, created_at DESC);
    CREATE TABLE order_items (
        id bigserial PRIMARY KEY,
        order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
        product_id bigint NOT NULL REFERENCES products,
        quantity int NOT NULL CHECK (quantity > 0),
        unit_price_cents int NOT NULL
    );
    CREATE INDEX ON order_items (order_id);
    INSERT INTO customers (email, name)
    SELECT i || '@example.com', i FROM generate_series(1, 1000) i;
    INSERT INTO products (sku, name, price_cents) SELECT i, i, i FROM generate_series(1, 1000) i;
    INSERT INTO orders (customer_id, status)
    SELECT 1 + i % 1000, CASE WHEN i > 4900 THEN 'new' ELSE 'paid' END
    FROM generate_series(1, 5000) i;
    INSERT INTO order_items (order_id, product_id, quantity, unit_price_cents)
    SELECT 1 + i % 5000, 1 + i % 1000, 1, i FROM generate_series(1, 15000) i;
    ANALYZE;
"""
TRAFFIC = """
    INSERT INTO orders (customer_id) SELECT i FROM generate_series(1, 100) i;
    INSERT INTO order_items (order_id, product_id, quantity, unit_price_cents)
    SELECT id, 1 + id % 1000, 1, 1 FROM orders WHERE status = 'new'
    ORDER BY created_at DESC LIMIT 100;
    UPDATE orders SET status = 'paid' WHERE id % 50 = 7;
    SELECT count(*) FROM orders WHERE customer_id = 7;
    SELECT count(*) FROM order_items WHERE order_id = 7;
    DELETE FROM orders WHERE id <= 20;
    SELECT sum(quantity) FROM order_items;
    SELECT * FROM customers WHERE email = '7@example.com';
"""
# The guide's own steps: soft deletion, with an index on the live rows.
SOFT_DELETION = """
    ALTER TABLE customers ADD COLUMN deleted_at timestamptz;
    CREATE INDEX ON customers (created_at) WHERE deleted_at IS NULL;
"""


def of(verdicts: list[Verdict]) -> set[tuple[str, str]]:
    return {(v.finding.name, s.evidence.subject) for v in verdicts for s in v.subjects}


async def test_it_earns_what_it_deserves(database: Database, psql: Psql, paste: Psql) -> None:
    """One index is missing; with it nothing is found, however busy the shop is."""
    await database.execute(COLUMN_STATISTICS.grant.replace("{role}", MONITOR))
    await psql(database.dsn, SHOP)
    recorder = Recorder(wants=[kind for one in CHAPTER.values() for kind in one.history])
    start = time.time()

    async def judged(minute: float) -> list[Verdict]:
        async with watching(dsn=database.monitor_dsn) as connection:
            at = start + 60 * minute
            snapshot = await look(connection, *COLLECTORS, at=at, recorder=recorder)
        return [verdict_of(finding, snapshot) for finding in CHAPTER.values()]

    first = await judged(0)
    assert of(first) == {("fk_without_index", "public.order_items (product_id)")}
    [cure] = [s.evidence.cure for verdict in first for s in verdict.subjects]
    await paste(database.dsn, "\n".join(cure))
    for minute in (5, 10, 15, 65):
        await psql(database.dsn, TRAFFIC)
        assert of(await judged(minute)) == set()
    loaded = "SELECT n_tup_ins > 15300 FROM pg_stat_user_tables WHERE relname = 'order_items'"
    await until(lambda: database.fetchval(loaded), "the traffic is counted")
    assert of(await judged(40 * 1440)) == set()

    await psql(database.dsn, SOFT_DELETION)
    email = "public.customers_email_key"
    assert of(await judged(41 * 1440)) == {("unique_ignores_soft_delete", email)}
