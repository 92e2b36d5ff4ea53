"""A sick shop on a throw-away PostgreSQL: what `pgvigil demo` shows."""
