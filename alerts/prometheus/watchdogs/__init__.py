"""Watchdogs: alerts about pgvigil itself, evaluated by Prometheus."""
