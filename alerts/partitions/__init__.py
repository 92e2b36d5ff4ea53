"""Partitioned tables: bounds of partitions, names and bounds of the next ones, and their cures."""
