"""WAL: what keeps it, how fast it grows, and how it is archived."""
