"""Waits at a pool that were predicted, against those that a real pgbouncer had."""
