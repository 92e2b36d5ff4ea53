"""Sixty forms of DDL, on the tables of a shop whose sizes are drawn with a seed."""

import random
from dataclasses import dataclass
from typing import NamedTuple

SCHEMA = """
    CREATE TYPE mood AS ENUM ('ok', 'ill');
    CREATE DOMAIN plain_text AS text;
    CREATE TABLE customers (
        id bigint PRIMARY KEY, email text, name varchar(50), city text, country text,
        joined timestamptz DEFAULT now(), feels mood
    );
    CREATE TABLE orders (
        id bigint PRIMARY KEY, customer_id bigint, total int, status text, note text, placed date,
        weight numeric(8, 2)
    );
    CREATE INDEX orders_customer ON orders (customer_id);
    CREATE INDEX orders_placed ON orders (placed);
    CREATE UNIQUE INDEX orders_uid ON orders (id, customer_id);
    ALTER TABLE orders ADD CONSTRAINT total_known CHECK (total IS NOT NULL);
    ALTER TABLE orders ADD CONSTRAINT status_pending CHECK (status <> '') NOT VALID;
    CREATE TABLE items (
        id bigint PRIMARY KEY, order_id bigint, price numeric, amount int NOT NULL, extra jsonb
    );
    ALTER TABLE items ADD CONSTRAINT items_fk FOREIGN KEY (order_id) REFERENCES orders NOT VALID;
    CREATE TABLE events (id bigint, at date NOT NULL, what text) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
    CREATE TABLE events_3 (LIKE events);
    CREATE TABLE events_4 (
        LIKE events, CONSTRAINT bounds CHECK (at >= '2023-01-01' AND at < '2024-01-01')
    );
    CREATE VIEW recent AS SELECT id, weight FROM orders;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
"""
SUMMARY = """
    CREATE MATERIALIZED VIEW summary AS SELECT customer_id, count(*) AS n FROM orders GROUP BY 1;
    CREATE UNIQUE INDEX summary_key ON summary (customer_id);
"""


class Form(NamedTuple):
    """One statement, and what brings the tables back where it commits by itself."""

    sql: str
    undo: str | None = None
    """None: it runs in a transaction that is rolled back."""
    since: int = 14


ALTER = "ALTER TABLE orders"
FORMS = (
    Form(f"{ALTER} ADD COLUMN a int"),
    Form(f"{ALTER} ADD COLUMN a int DEFAULT 5"),
    Form(f"{ALTER} ADD COLUMN a int NOT NULL DEFAULT 5"),
    Form(f"{ALTER} ADD COLUMN a timestamptz DEFAULT now()"),
    Form(f"{ALTER} ADD COLUMN a uuid DEFAULT gen_random_uuid()"),
    Form(f"{ALTER} ADD COLUMN a timestamptz DEFAULT clock_timestamp()"),
    Form(f"{ALTER} ADD COLUMN a bigserial"),
    Form(f"{ALTER} ADD COLUMN a int GENERATED ALWAYS AS IDENTITY"),
    Form(f"{ALTER} ADD COLUMN a int GENERATED ALWAYS AS (total * 2) STORED"),
    Form(f"{ALTER} ADD COLUMN a int GENERATED ALWAYS AS (total * 2) VIRTUAL", None, 18),
    Form(f"{ALTER} ADD COLUMN a int CHECK (a > 0)"),
    Form(f"{ALTER} ADD COLUMN a bigint REFERENCES customers"),
    Form(f"{ALTER} ADD COLUMN a int UNIQUE"),
    Form(f"{ALTER} ADD COLUMN a plain_text"),
    Form(f"{ALTER} DROP COLUMN note"),
    Form(f"{ALTER} DROP COLUMN customer_id"),
    Form(f"{ALTER} RENAME COLUMN note TO remark"),
    Form(f"{ALTER} RENAME TO orders_old"),
    Form(f"{ALTER} ALTER COLUMN status SET DEFAULT 'new'"),
    Form(f"{ALTER} ALTER COLUMN status SET NOT NULL"),
    Form(f"{ALTER} ALTER COLUMN total SET NOT NULL"),
    Form("ALTER TABLE items ALTER COLUMN amount DROP NOT NULL"),
    Form(f"{ALTER} ALTER COLUMN total TYPE bigint"),
    Form(f"{ALTER} ALTER COLUMN status TYPE varchar(200)"),
    Form("ALTER TABLE customers ALTER COLUMN name TYPE varchar(100)"),
    Form("ALTER TABLE customers ALTER COLUMN name TYPE varchar(45)"),
    Form("ALTER TABLE customers ALTER COLUMN name TYPE text"),
    Form(f"{ALTER} ALTER COLUMN weight TYPE numeric(10, 2)"),
    Form(f"{ALTER} ALTER COLUMN placed TYPE timestamptz"),
    Form(f"{ALTER} ALTER COLUMN customer_id TYPE numeric"),
    Form(f"{ALTER} ALTER COLUMN note SET STORAGE external"),
    Form(f"{ALTER} ALTER COLUMN note SET STATISTICS 500"),
    Form(f"{ALTER} ADD CONSTRAINT c CHECK (total >= 0)"),
    Form(f"{ALTER} ADD CONSTRAINT c CHECK (total >= 0) NOT VALID"),
    Form(f"{ALTER} VALIDATE CONSTRAINT status_pending"),
    Form(f"{ALTER} ADD CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customers"),
    Form(f"{ALTER} ADD CONSTRAINT c FOREIGN KEY (customer_id) REFERENCES customers NOT VALID"),
    Form("ALTER TABLE items VALIDATE CONSTRAINT items_fk"),
    Form(f"{ALTER} ADD CONSTRAINT c UNIQUE (id, placed)"),
    Form(f"{ALTER} ADD CONSTRAINT c UNIQUE USING INDEX orders_uid"),
    Form(f"{ALTER} ADD CONSTRAINT c EXCLUDE (id WITH =)"),
    Form(f"{ALTER} DROP CONSTRAINT total_known"),
    Form(f"{ALTER} ADD CONSTRAINT c NOT NULL status NOT VALID", None, 18),
    Form(f"{ALTER} SET (fillfactor = 90)"),
    Form("ALTER TABLE events_3 SET UNLOGGED"),
    Form(f"{ALTER} CLUSTER ON orders_pkey"),
    Form(f"{ALTER} DISABLE TRIGGER USER"),
    Form(f"{ALTER} ENABLE ROW LEVEL SECURITY"),
    Form(f"{ALTER} REPLICA IDENTITY FULL"),
    Form("CREATE INDEX i ON orders (note)"),
    Form("CREATE INDEX i ON orders (customer_id, placed) WHERE status = 'new'"),
    Form("CREATE INDEX i ON events (id)"),
    Form("CREATE INDEX CONCURRENTLY i ON orders (note)", "DROP INDEX i"),
    Form("DROP INDEX orders_placed"),
    Form("DROP INDEX CONCURRENTLY orders_placed", "CREATE INDEX orders_placed ON orders (placed)"),
    Form("REINDEX INDEX orders_placed"),
    Form("REINDEX TABLE orders"),
    Form("REINDEX TABLE CONCURRENTLY orders", ""),
    Form("CREATE UNIQUE INDEX i ON items (id)"),
    Form("CREATE INDEX i ON items USING gin (extra)"),
    Form("CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()"),
    Form("CREATE OR REPLACE VIEW recent AS SELECT id, weight FROM orders WHERE id > 5"),
    Form("CREATE TABLE copied AS SELECT * FROM orders"),
    Form("CREATE TABLE refers (id int, order_id bigint REFERENCES orders)"),
    Form("CREATE STATISTICS st ON customer_id, status FROM orders"),
    Form("ALTER TABLE events ADD COLUMN a int DEFAULT 1"),
    Form("ALTER TABLE events ALTER COLUMN id TYPE int"),
    Form("ALTER TABLE events ALTER COLUMN id SET NOT NULL"),
    Form(
        "ALTER TABLE events ATTACH PARTITION events_3"
        " FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')"
    ),
    Form(
        "ALTER TABLE events ATTACH PARTITION events_4"
        " FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')"
    ),
    Form("ALTER TABLE events DETACH PARTITION events_2"),
    Form(
        "CREATE TABLE events_9 PARTITION OF events FOR VALUES FROM ('2029-01-01') TO ('2030-01-01')"
    ),
    Form("DROP TABLE items"),
    Form("DROP VIEW recent"),
    Form("TRUNCATE items"),
    Form("CLUSTER orders USING orders_placed"),
    Form("VACUUM FULL items", ""),
    Form("VACUUM items", ""),
    Form("ANALYZE orders"),
    Form("REFRESH MATERIALIZED VIEW summary"),
    Form("REFRESH MATERIALIZED VIEW CONCURRENTLY summary"),
    Form("COMMENT ON TABLE orders IS 'x'"),
    Form("GRANT SELECT ON orders TO PUBLIC"),
    Form("ALTER TYPE mood ADD VALUE 'so'"),
    Form("LOCK TABLE orders IN SHARE MODE"),
    Form("ALTER INDEX orders_placed RENAME TO orders_placed_old"),
    Form("UPDATE customers SET city = 'x' WHERE id < 100"),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of each table."""

    customers: int
    orders: int
    items: int
    events: int
    other: int
    """Of the table whose scans and builds the server has seen before."""

    @classmethod
    def drawn(cls, seed: int) -> "Sizes":
        draw = random.Random(seed)
        return cls(
            customers=draw.randrange(200_000, 700_000),
            orders=draw.randrange(400_000, 1_600_000),
            items=draw.randrange(400_000, 1_200_000),
            events=draw.randrange(200_000, 600_000),
            other=draw.randrange(300_000, 1_500_000),
        )


def filling(sizes: Sizes) -> str:
    """Return the statements that fill the tables."""
    return f"""
        INSERT INTO customers SELECT n, 'c' || n || '@example.org', 'Name ' || n,
            'City ' || n % 500, 'XX', now(), 'ok' FROM generate_series(1, {sizes.customers}) n;
        INSERT INTO orders SELECT n, n % {sizes.customers} + 1, n % 5000,
            (ARRAY['new', 'paid', 'sent'])[n % 3 + 1], 'note ' || n, date '2020-01-01' + n % 2000,
            n % 9999 FROM generate_series(1, {sizes.orders}) n;
        INSERT INTO items SELECT n, n % {sizes.orders} + 1, n % 100, n % 7,
            jsonb_build_object('k', n % 1000) FROM generate_series(1, {sizes.items}) n;
        INSERT INTO events SELECT n, date '2020-01-01' + n % 730, 'what ' || n % 50
            FROM generate_series(1, {sizes.events}) n;
        INSERT INTO events_3 SELECT n, date '2022-01-01' + n % 365, 'what'
            FROM generate_series(1, {sizes.events}) n;
        INSERT INTO events_4 SELECT n, date '2023-01-01' + n % 365, 'what'
            FROM generate_series(1, {sizes.events}) n;
        CREATE TABLE other AS SELECT n AS id, 'text ' || n AS note, n % 7 AS k
            FROM generate_series(1, {sizes.other}) n;
        CREATE INDEX other_id ON other (id);
        CREATE INDEX other_note ON other (note)
    """
