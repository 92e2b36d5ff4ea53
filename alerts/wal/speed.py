"""Speed at which a server writes WAL, and what that means for what is left."""

from dataclasses import dataclass
from datetime import timedelta

from alerts.history.window import Window
from alerts.snapshot import Snapshot
from alerts.units import bytes_text, duration_text
from collectors.wal_position import wal_position

WRITTEN = Window(wal_position, timedelta(hours=1), ("lsn",))
LEAST_SECONDS = 60.0
"""Time that must have been watched before anything is said about a speed."""
LONGEST = 400 * 86400.0
"""Nothing is said about a time that is further away."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Bytes of WAL a second, over the seconds in which they were counted."""

    per_second: float
    seconds: float

    def until(self, left: float) -> float | None:
        """Return the seconds until that many bytes are written; None if that is far away."""
        if self.per_second <= 0 or left > self.per_second * LONGEST:
            return None
        return left / self.per_second

    @property
    def told(self) -> str:
        return f"{bytes_text(self.per_second * 60)} a minute over the last {self.span}"

    @property
    def span(self) -> str:
        return duration_text(round(self.seconds))


def speed_of(snapshot: Snapshot) -> Speed | None:
    """Return the mean speed of up to the last hour; None if it was not watched for long enough."""
    if not snapshot.has(wal_position) or WRITTEN not in snapshot.histories:
        return None
    written = next(iter(snapshot.of(WRITTEN).delta(WRITTEN.span).values()), None)
    if written is None or written.seconds < LEAST_SECONDS:
        return None
    return Speed(written.increase["lsn"] / written.seconds, written.seconds)


def growth_text(snapshot: Snapshot) -> str:
    """Return a sentence about the growth, with the way in which it is measured; maybe empty."""
    speed = speed_of(snapshot)
    return f" WAL grows by {speed.told}." if speed and speed.per_second > 0 else ""
