"""Availability of the server."""
