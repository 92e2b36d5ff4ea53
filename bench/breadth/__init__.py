"""Benchmark of breadth: what pgvigil costs with many more findings and collectors."""
