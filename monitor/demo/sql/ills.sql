-- What is deliberately wrong with the shop as it lies on disk. What is wrong with its users is
-- in scenes.py.

-- An index for a question that nobody asks. Each order pays for it.
CREATE INDEX order_items_unit_price_idx ON order_items (unit_price_cents, order_id);

-- And one that is missing: order_items.product_id references products, and nothing helps to find
-- the items of a product.

-- A bloated table: a clean-up took four carts of five away, all at once. Vacuum has made their
-- space free for new carts, but there will never be so many again.
INSERT INTO carts (customer_id, contents, updated_at)
SELECT 1 + n % 10000, repeat('SKU-00042 x 1; ', 20), now() - n * interval '1 second'
FROM generate_series(1, 60000) n;
DELETE FROM carts WHERE id % 5 <> 0;

-- Else what was deleted would be reported after the vacuum, as if it were still to be done.
SELECT pg_stat_force_next_flush();
VACUUM ANALYZE;
