"""Locks, waits for them, and deadlocks."""
