"""Settings of the server that cost something, and releases that are too old."""
