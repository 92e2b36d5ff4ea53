"""Size of the shared lock table, by the settings that PostgreSQL makes it of."""

from collections.abc import Mapping

from collectors.settings import Setting

PER_TRANSACTION = "max_locks_per_transaction"
SLOTS = (
    "max_connections",
    "max_prepared_transactions",
    "max_worker_processes",
    "max_wal_senders",
)
WORKERS = ("autovacuum_worker_slots", "autovacuum_max_workers")
"""Since 18, the number of autovacuum slots has its own setting."""


def capacity(known: Mapping[str, Setting]) -> int | None:
    """Return the size of the lock table in locks, computed as PostgreSQL does at its start."""
    workers = next((n for name in WORKERS if (n := number_of(known, name)) is not None), None)
    parts = [number_of(known, name) for name in SLOTS]
    each = number_of(known, PER_TRANSACTION)
    if each is None or workers is None or None in parts:
        return None
    launcher = 1
    return int(each * (sum(part or 0.0 for part in parts) + workers + launcher))


def number_of(known: Mapping[str, Setting], name: str) -> float | None:
    """Return the value of a setting in its base unit; None if it is not known."""
    return known[name].number if name in known else None
