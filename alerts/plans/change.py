"""Change: how the cost of a call differs from the usual one, and what that says of its cause."""

from dataclasses import dataclass
from enum import StrEnum

from alerts.plans.baseline import Baseline
from alerts.plans.cost import PerCall

ROWS = 1.5
"""Times as many rows a call that are other parameters."""
FIXED = 0.01
"""Share by which the rows of a call may vary and still be the same."""
SPILLED = 16
"""Blocks of temporary files a call from which it counts as a spill."""
READING = 0.5
"""Share of the additional time spent on reading, from which that is the reason."""


class Nature(StrEnum):
    """Kind of a change."""

    plan = "plan"
    """More blocks for the same rows."""
    spill = "spill"
    """What fitted into memory goes through temporary files."""
    parameters = "parameters"
    """More blocks for more rows."""
    reading = "reading"
    """The same blocks, but more of them come from outside of shared buffers, or more slowly."""
    waiting = "waiting"
    """The same blocks take longer: locks, CPU, or work that the counters don't show."""


@dataclass(frozen=True, slots=True)
class Change:
    """A call costs more than it did, over several windows."""

    before: Baseline
    after: PerCall
    """The median of the windows since."""
    since: float
    """Unix seconds when the first of these windows began."""
    noticed: float
    """When it ended."""
    windows: int
    """Windows since then."""
    call_rate: float
    """Calls per second."""

    @property
    def load(self) -> float:
        """Additional seconds spent executing, each second."""
        return self.slower * self.call_rate

    @property
    def slower(self) -> float:
        """Additional seconds of a call."""
        return self.after.seconds - self.before.call.seconds

    @property
    def block_rate(self) -> float:
        """Additional blocks, each second."""
        return (self.after.blocks - self.before.call.blocks) * self.call_rate

    @property
    def times_slower(self) -> float:
        return self.before.times("seconds", self.after)

    @property
    def times_blocks(self) -> float:
        return self.before.times("blocks", self.after)

    @property
    def returns_one_row(self) -> bool:
        """Whether it always returns one row, or none, as a count does."""
        return self.before.usual["rows"].most <= 1.0 and self.after.rows <= 1.0

    @property
    def has_fixed_rows(self) -> bool:
        """Whether its rows can't tell other parameters: a count has one, a LIMIT the same."""
        rows = self.before.usual["rows"]
        return rows.most - rows.least <= FIXED * rows.most

    @property
    def has_other_rows(self) -> bool:
        """Whether a call returns more or fewer rows than it ever did."""
        rows, times = self.before.usual["rows"], self.before.times("rows", self.after)
        is_known = rows.least / 1.1 <= self.after.rows <= rows.most * 1.1
        return not is_known and max(times, 1 / times) >= ROWS

    def nature(self, times: float) -> Nature:
        """Return what kind of change it is; `times` is how many times the blocks must differ."""
        before, after = self.before, self.after
        spilled = after.temp_blocks - before.call.temp_blocks
        if self.has_other_rows and self.times_blocks > 1:
            return Nature.parameters
        if spilled >= SPILLED and before.is_beyond("temp_blocks", after, times):
            return Nature.spill
        if before.is_beyond("blocks", after, times) or before.is_below("blocks", after, times):
            return Nature.plan
        reading = after.read_seconds - before.call.read_seconds
        return Nature.reading if reading >= READING * self.slower else Nature.waiting
