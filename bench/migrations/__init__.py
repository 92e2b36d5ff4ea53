"""Predictions of migrate-check against what the statements do on servers with rows and traffic."""
