"""Findings: one folder for each chapter; a new finding changes no existing file."""

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
    "queries",
    "waits",
    "plans",
    "schema",
    "migrations",
    "partitions",
    "settings",
    "security",
    "pooler",
    "observer",
    "own",
)
"""The known chapters (names of folders), in the order in which pages list them."""
