"""Judges what the collectors read: rows become findings, findings become alert rules."""
