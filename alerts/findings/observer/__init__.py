"""Limits of pgvigil itself: missing privileges and failing collectors."""
