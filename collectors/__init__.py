"""Collectors: each file reads one view of PostgreSQL into rows and metrics, without judging."""
