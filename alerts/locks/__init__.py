"""Locks: who blocks whom now, in which order transactions lock, and the cures."""
