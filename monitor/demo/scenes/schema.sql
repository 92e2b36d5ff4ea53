-- Rows that can't be told apart, amounts that are rounded, instants without a time zone.
CREATE TABLE price_changes (product_id bigint NOT NULL, price double precision, at timestamp);
INSERT INTO price_changes SELECT n, n * 1.1, now() FROM generate_series(1, 200) n;

-- A list in columns, instead of a table of tags.
ALTER TABLE products ADD tag1 text, ADD tag2 text, ADD tag3 text;

-- Copied from customers, and no comment says why. (order_items.unit_price_cents has one.)
ALTER TABLE orders ADD email text;

-- The key became bigint, and its sequence was forgotten.
CREATE TABLE deliveries (id serial PRIMARY KEY, order_id bigint NOT NULL UNIQUE REFERENCES orders);
ALTER TABLE deliveries ALTER id TYPE bigint;

-- The post code tells the city, which every address has once more; such statistics show it.
CREATE TABLE addresses (
    customer_id bigint PRIMARY KEY REFERENCES customers,
    street text NOT NULL,
    post_code text NOT NULL,
    city text NOT NULL
);
INSERT INTO addresses
SELECT n, repeat('Long Road ', 8) || n, 'P' || n % 200, 'City ' || n % 200 / 5
FROM generate_series(1, 10000) n;
CREATE STATISTICS addresses_post_code (dependencies) ON post_code, city FROM addresses;
ANALYZE addresses;
