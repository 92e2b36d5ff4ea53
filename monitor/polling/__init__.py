"""Polling: reading every collector on its schedule, within the load budget."""
