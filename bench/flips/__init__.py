"""Benchmark of `query_regression`: plans are made bad on real servers, and what is told of them."""
