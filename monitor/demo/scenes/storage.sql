-- Deliberate problems of the tables. Problems of sessions are in scenes.py.

-- An index that no query uses; every order must update it.
CREATE INDEX order_items_unit_price_idx ON order_items (unit_price_cents, order_id);

-- A missing index: order_items.product_id references products, but a search by product must read
-- the whole table.

-- A bloated table: four of five carts were deleted at once. Vacuum made the space reusable, but
-- the table will never be as large again.
INSERT INTO carts (customer_id, contents, updated_at)
SELECT 1 + n % 10000, repeat('SKU-00042 x 1; ', 20), now() - n * interval '1 second'
FROM generate_series(1, 60000) n;
DELETE FROM carts WHERE id % 5 <> 0;

-- Flush statistics first; otherwise the deleted rows would be counted after the vacuum.
SELECT pg_stat_force_next_flush();
VACUUM ANALYZE;
