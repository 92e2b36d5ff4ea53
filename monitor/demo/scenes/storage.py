"""Storage: a table, its index and its long values were far larger once (`storage.sql`)."""

PLANTED = ("index_bloat", "table_bloat", "toast_bloat")
