"""How the daemon's own questions fare: which collector brings answers, and which does not."""

from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class Round:
    """The state of one collector on this server."""

    collector: str
    lane: str
    ok: bool
    error: str | None
    failed_seconds: float | None
    """For how long it has brought nothing; None while it does."""
    age_seconds: float | None
    """Age of its last answer; None: never one."""
    pace_seconds: float
    """Seconds between two rounds as they are now."""


rounds = Collector(row=Round, lane=Lane.normal, key=("collector",))
