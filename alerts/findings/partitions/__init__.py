"""Partitioned tables: partitions to come, DEFAULT partitions, upkeep, pruning and candidates."""
