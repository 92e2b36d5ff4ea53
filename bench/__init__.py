"""The benchmarks that back every claim of speed and cost; `python -m bench --help` lists them."""
