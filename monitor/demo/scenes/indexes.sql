-- An index that no query uses; every order must update it.
CREATE INDEX order_items_unit_price_idx ON order_items (unit_price_cents, order_id);

-- A missing index: order_items.product_id references products, but a search by product must read
-- the whole table.

-- An index that is there twice, under two names.
CREATE INDEX orders_by_customer ON orders (customer_id);
