"""Advice to increase a setting: to a usual value, or beyond it where it has that already."""

from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.wal.server_settings import number_of
from collectors.settings import settings

MIB = 1 << 20


def known_number(snapshot: Snapshot, name: str) -> float | None:
    """Return its value in the base unit; None also where no settings are known."""
    return number_of(snapshot, name) if snapshot.has(settings) else None


def larger(snapshot: Snapshot, name: str, usual: int) -> tuple[str, ...]:
    """Return how to increase a size: to that number of bytes, or to twice what it has."""
    now = known_number(snapshot, name)
    size = usual if now is None or now < usual else 2 * int(now)
    return change(snapshot, name, f"'{size // MIB}MB'")


def longer(snapshot: Snapshot, name: str, usual: float) -> tuple[str, ...]:
    """Return how to increase a time: to that number of seconds, or to twice what it has.

    Nothing where it has no limit.
    """
    now = known_number(snapshot, name)
    if now == -1:
        return ()
    seconds = usual if now is None or now < usual else 2 * now
    return change(snapshot, name, f"'{seconds / 60:.0f}min'")


def is_on(snapshot: Snapshot, name: str) -> bool:
    return known_number(snapshot, name) == 1
