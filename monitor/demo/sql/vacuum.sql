-- Flush statistics first; otherwise the deleted rows would be counted after the vacuum.
SELECT pg_stat_force_next_flush();
VACUUM ANALYZE;
