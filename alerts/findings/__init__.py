"""Findings, one folder for each chapter; adding one touches no old file."""

CHAPTERS = (
    "availability",
    "sessions",
    "locks",
    "storage",
    "vacuum",
    "indexes",
    "runway",
    "replication",
    "wal",
    "backup",
    "statements",
    "waits",
    "plans",
    "schema",
    "migrations",
    "partitions",
    "settings",
    "security",
    "pooler",
    "observer",
)
"""The chapters that a folder may be named after, in the order in which pages list them."""
