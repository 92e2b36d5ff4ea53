-- The shop. What is not right about it is in ills.sql.

CREATE TABLE customers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL UNIQUE,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz
);
COMMENT ON COLUMN customers.deleted_at IS 'Soft delete: set, and the customer is gone for the shop.';
CREATE INDEX customers_live_idx ON customers (created_at) WHERE deleted_at IS NULL;

CREATE TABLE products (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku          text NOT NULL UNIQUE,
    name         text NOT NULL,
    price_cents  integer NOT NULL CHECK (price_cents >= 0),
    stock        integer NOT NULL
);

CREATE TABLE orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    status       text NOT NULL DEFAULT 'new'
                 CHECK (status IN ('new', 'paid', 'shipped', 'delivered', 'returned')),
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer_idx ON orders (customer_id);
-- Equality first, then the sort: "the newest orders that are paid" is one short index scan.
CREATE INDEX orders_status_created_idx ON orders (status, created_at DESC);

CREATE TABLE order_items (
    order_id          bigint NOT NULL REFERENCES orders,
    line              smallint NOT NULL,
    product_id        bigint NOT NULL REFERENCES products,
    quantity          integer NOT NULL CHECK (quantity > 0),
    unit_price_cents  integer NOT NULL,
    PRIMARY KEY (order_id, line)
);
COMMENT ON COLUMN order_items.unit_price_cents IS
    'Copied from products on purpose: an order keeps what was charged when prices change.';

CREATE TABLE reviews (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  bigint NOT NULL REFERENCES products,
    stars       smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    words       text
);
CREATE INDEX reviews_product_idx ON reviews (product_id);

CREATE TABLE carts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    contents     text NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX carts_customer_idx ON carts (customer_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting;
-- Migrations are run by the application's role, as in many a shop.
ALTER TABLE reviews OWNER TO app;
