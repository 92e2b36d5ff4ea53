"""Dashboards, one module each; adding one touches no old file."""
