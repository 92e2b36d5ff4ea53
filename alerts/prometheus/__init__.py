"""Prometheus: the catalogue of findings as alert rules, recording rules and documentation."""
