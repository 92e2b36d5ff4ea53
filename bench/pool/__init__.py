"""Benchmark of predicted waits at a pool, against those at a real pgbouncer."""
