-- A shop of some age. Every number is made from the row's own, so each demo is the same.

-- Rows that are made here refer to rows that are there: no need to look each of them up.
SET session_replication_role = replica;

INSERT INTO customers (email, name, created_at, deleted_at)
SELECT
    'customer' || n || '@example.com',
    'Customer ' || n,
    now() - n * interval '40 minutes',
    CASE WHEN n % 20 = 0 THEN now() - interval '7 days' END
FROM generate_series(1, 10000) n;

INSERT INTO products (sku, name, price_cents, stock)
SELECT 'SKU-' || lpad(n::text, 5, '0'), 'Product ' || n, 199 + n * 37 % 9800, 1000000
FROM generate_series(1, 1000) n;

INSERT INTO orders (customer_id, status, created_at)
SELECT
    1 + n * 7919 % 10000,
    CASE WHEN n % 50 = 0 THEN 'returned' WHEN n > 59000 THEN 'paid' ELSE 'delivered' END,
    now() - (60000 - n) * interval '5 minutes'
FROM generate_series(1, 60000) n;

INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_cents)
SELECT o, line, p, 1 + (o + line) % 4, 199 + p * 37 % 9800
FROM generate_series(1, 60000) o
CROSS JOIN generate_series(1, 3) line
CROSS JOIN LATERAL (SELECT 1 + (o * 31 + line * 7) % 1000 AS p) chosen;

INSERT INTO reviews (product_id, stars, words)
SELECT 1 + n % 1000, 1 + n % 5, 'It does what it says.'
FROM generate_series(1, 5000) n;

RESET session_replication_role;
