"""Reading: what a source brings for one collector, and the one exception where it brings nothing.

A source is where rows come from: SQL today, and the daemon itself. Each has
`read(collector, place, deadline) -> Reading` and raises nothing but `ReadFailure`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collectors._base import Absence


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one query, in seconds."""

    elapsed: float = 0.0
    """Until its answer was read, less the way there and back."""
    work: float = 0.0
    """At most the server's work: less what the answer waited for us, and its bytes for the link."""
    run: float | None = None
    """CPU time of the server process; None where we can't see it."""
    was_read_late: bool = False
    """The answer may have waited for us: the work is known to a tenth of a second only."""

    @property
    def spent(self) -> float:
        """Seconds of the server: its CPU time, or the most that it may have been."""
        return self.work if self.run is None else self.run

    def __add__(self, other: "Cost") -> "Cost":
        known = self.run is not None and other.run is not None
        run = (self.run or 0.0) + (other.run or 0.0) if known else None
        was_read_late = self.was_read_late or other.was_read_late
        elapsed, work = self.elapsed + other.elapsed, self.work + other.work
        return Cost(elapsed, work, run, was_read_late)


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of one collector, read at one place."""

    rows: Sequence[Any]
    at: float
    """Unix seconds when they were complete."""
    cost: Cost | None = None
    """None where nothing was asked of the server."""
    missing: Absence | None = None
    """Why there was nothing to ask; there are no rows then, and that says nothing."""
    cold: bool = False
    """First reading of it on that session: the server plans the query and reads its catalogue."""


@dataclass(eq=False)
class ReadFailure(Exception):
    """A source brought nothing."""

    message: str
    lost: bool = False
    """The session, file or connection is of no more use."""
    refused: bool = False
    """The next attempt would fail in the same way: a missing right, object or function."""
    unanswered: bool = False
    """No answer came in time."""

    def __str__(self) -> str:
        return self.message
