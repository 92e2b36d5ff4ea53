"""Waits: what active sessions wait for, over the last hour, and what each wait event means."""
