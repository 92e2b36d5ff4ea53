"""Wasted space of tables and indexes."""
