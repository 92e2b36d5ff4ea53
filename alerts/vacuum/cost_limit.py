"""Cost limit of a worker: by the server's settings, and by the options of the table it is at."""

from collections.abc import Mapping

from alerts.snapshot import Snapshot
from alerts.vacuum.forecast import CostLimit
from collectors.settings import settings


def cost_limit(snapshot: Snapshot, own: Mapping[str, str]) -> CostLimit:
    """Return the cost limit of one worker at a table with these options."""
    known = {row.name: row.number for row in snapshot.rows(settings) if "vacuum_cost" in row.name}

    def value(name: str, default: float) -> float:
        found = known.get(f"autovacuum_{name}")
        found = known.get(name) if found in (None, -1) else found
        return default if found is None else found

    limit, delay = value("vacuum_cost_limit", 200), value("vacuum_cost_delay", 0.002)
    try:
        limit = float(own.get("autovacuum_vacuum_cost_limit", limit))
        delay = float(own.get("autovacuum_vacuum_cost_delay", delay * 1000)) / 1000
    except ValueError:
        pass
    return CostLimit(max(1.0, limit), max(0.0, delay))


def is_slowed(snapshot: Snapshot, own: Mapping[str, str]) -> bool:
    """Whether these options make a worker sleep longer than the server's settings would."""
    return cost_limit(snapshot, own).sleep > cost_limit(snapshot, {}).sleep
