"""Statements: how much each was used lately, from two answers of pg_stat_statements."""
