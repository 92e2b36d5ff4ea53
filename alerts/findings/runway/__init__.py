"""Runway: what stops the server when it is used up."""
