"""Benchmark of a machine that is busy: what the daemon believes of it, and of its own work."""
