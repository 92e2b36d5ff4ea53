"""Demo: a sick database of a shop on a temporary PostgreSQL, for `pgvigil demo`."""
