"""Sessions to a PostgreSQL server: at most three, with deadlines."""
