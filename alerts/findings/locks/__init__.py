"""Locks, lock waits, and deadlocks."""
