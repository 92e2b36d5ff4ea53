"""Benchmark of the bloat estimates: drawn tables, estimated as the monitor, then rewritten."""
