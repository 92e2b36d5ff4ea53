"""PgBouncer: its console, read over the simple query protocol, and the monitor of one pooler."""
