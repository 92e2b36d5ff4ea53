"""Availability: whether the server answers."""
