"""Reads PostgreSQL: one view, one file, from its rows to its metrics. Nothing here judges."""
