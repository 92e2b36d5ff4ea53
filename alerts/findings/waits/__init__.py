"""Waits: too many active sessions, and what they wait for."""
