-- A bloated table: four of five carts were deleted at once. Vacuum made the space reusable, but
-- the table will never be as large again.
INSERT INTO carts (customer_id, contents, updated_at)
SELECT 1 + n % 10000, repeat('SKU-00042 x 1; ', 20), now() - n * interval '1 second'
FROM generate_series(1, 60000) n;
DELETE FROM carts WHERE id % 5 <> 0;

-- Receipts are long, so they are in TOAST; most of them were deleted.
CREATE TABLE receipts (id int PRIMARY KEY, document text);
ALTER TABLE receipts ALTER document SET STORAGE EXTERNAL;
INSERT INTO receipts SELECT n, repeat('Receipt. ', 900) FROM generate_series(1, 600) n;
DELETE FROM receipts WHERE id % 4 <> 0;
