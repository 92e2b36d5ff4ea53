"""Backups: whether there is one, whether it was restored, and up to when."""
