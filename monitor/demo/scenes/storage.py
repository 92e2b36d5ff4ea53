"""Storage: a table that will never be as large again (`storage.sql`)."""

PLANTED = ("table_bloat",)
