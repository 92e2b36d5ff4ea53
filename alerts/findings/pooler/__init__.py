"""Findings about PgBouncer."""
