"""Poolers: pools with the limits that hold for them, how long clients will wait, and advice."""
