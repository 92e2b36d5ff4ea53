-- The e-commerce schema of the guide, with the steps that it goes on with: a price that is copied on
-- purpose, a junction table, soft deletion, and a table by month. Its faults are its own.
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
    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'shipped', 'cancelled')),
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
COMMENT ON COLUMN order_items.unit_price_cents IS 'Copied: the order keeps what was charged.';
CREATE INDEX ON order_items (order_id);
CREATE TABLE tags (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE product_tags (
    product_id bigint NOT NULL REFERENCES products,
    tag_id bigint NOT NULL REFERENCES tags,
    PRIMARY KEY (product_id, tag_id)
);
ALTER TABLE customers ADD COLUMN deleted_at timestamptz;
CREATE INDEX ON customers (created_at) WHERE deleted_at IS NULL;
CREATE TABLE events (
    id bigserial,
    occurred_at timestamptz NOT NULL,
    payload jsonb
) PARTITION BY RANGE (occurred_at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2100-01-01');
CREATE INDEX ON events USING brin (occurred_at);

INSERT INTO customers (email, name) SELECT i || '@example.com', i FROM generate_series(1, 1000) i;
INSERT INTO products (sku, name, price_cents) SELECT i, i, i FROM generate_series(1, 1000) i;
INSERT INTO orders (customer_id, status)
SELECT 1 + i % 1000, CASE WHEN i > 4900 THEN 'new' ELSE 'paid' END FROM generate_series(1, 5000) i;
INSERT INTO order_items (order_id, product_id, quantity, unit_price_cents)
SELECT 1 + i % 5000, 1 + i % 1000, 1, i FROM generate_series(1, 9000) i;
INSERT INTO tags (name) SELECT 'tag ' || i FROM generate_series(1, 50) i;
INSERT INTO product_tags SELECT 1 + i % 1000, 1 + i / 1000 FROM generate_series(0, 2999) i;
INSERT INTO events (occurred_at) SELECT now() FROM generate_series(1, 500);
UPDATE customers SET deleted_at = now() WHERE id % 10 = 7;
ANALYZE;
