"""Benchmarks of speed and cost; `python -m bench --help` lists them."""
