"""LSN timeline: when each WAL position was first known on a server.

The lag of a standby is the time since the primary passed the position that it has replayed. That
needs no clock of the standby and no writes on the primary.
"""

from collections import deque
from dataclasses import dataclass

from alerts.history.crossings import Crossed, CrossingsRecorder, Trail
from alerts.history.kind import Broken, SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.snapshot import Snapshot
from collectors._base import AnyAnswer, AnyCollector
from collectors.wal_position import WalPosition, wal_position

INTERNAL = 1024
"""Bytes of WAL that a primary without any transaction may have written: the records of a checkpoint
and of running transactions, and the headers of pages."""
RECENT = 600.0
"""Seconds for which silences of upstream are remembered."""
ACQUAINTED = 60.0
"""Seconds of messages after which the longest silence between them says what is usual."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Known positions of one server."""

    trail: Trail
    timeline: int | None
    usual_silence: float | None
    """The longest silence of upstream that was seen of late; None if not known yet."""

    @property
    def lsn(self) -> int | None:
        """The newest position."""
        trail = self.trail
        return int(trail.steps[trail.length - 1][1]) if trail.length else None

    def passed(self, lsn: int) -> Crossed | None:
        """Return how long ago the server was first beyond a position; None if it is not."""
        return self.trail.passed(lsn)


class LsnTimeline(SingleHistory[Timeline]):
    """The positions of a server: written by a primary, received by a standby."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (wal_position,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "TimelineRecorder":
        return TimelineRecorder()


class TimelineRecorder(CrossingsRecorder):
    """Keeps the steps of one timeline; another timeline, or a lower position, begins anew.

    What an idle primary writes by itself is no step: a standby that lacks it lacks no transaction.
    """

    def __init__(self) -> None:
        super().__init__("lsn")
        self.timeline: int | None = None
        self.next_xid: int | None = None
        self.messages = Messages()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if len(answer.rows) != 1:
            return
        row: WalPosition = answer.rows[0]
        if row.timeline is not None and row.timeline != self.timeline:
            self.steps = [] if self.timeline is not None else self.steps
            self.timeline = row.timeline
        if row.silent_seconds is not None:
            self.messages.note(answer.at, row.silent_seconds)
        if not self._is_internal(row):
            super().learn(collector, answer)

    def _is_internal(self, row: WalPosition) -> bool:
        """Whether a primary has written a little WAL since the last step, and no transaction."""
        known, self.next_xid = self.next_xid, row.next_xid
        if known is None or row.next_xid != known or row.lsn is None or not self.steps:
            return False
        return 0 <= row.lsn - self.steps[-1][1] < INTERNAL

    def restart(self) -> None:
        """Nothing begins anew: after a restart positions go on where they were."""

    def view(self, at: float) -> Timeline:  # type: ignore[override]  # a trail, and more
        return Timeline(super().view(at), self.timeline, self.messages.usual_silence)


class Messages:
    """The silences between messages of upstream, as long as each was when it was looked at.

    The time between the newest messages of two looks would be that between the looks.
    """

    def __init__(self) -> None:
        self.first: float | None = None
        self.at = 0.0
        """Unix seconds of the last look."""
        self.silence = 0.0
        """The silence that was seen then; it counts as usual once it has ended."""
        self.silences: deque[tuple[float, float]] = deque()
        """Unix seconds and length; none is followed by a longer one."""

    def note(self, at: float, silent: float) -> None:
        """Take note of how long ago the newest message came.

        While none comes the silence grows as the time does. Half of it is enough to tell, as an
        answer may be late.
        """
        if self.first is None:
            self.first = at
        elif silent < self.silence + (at - self.at) / 2:
            self._ended(at)
        self.at, self.silence = at, silent

    def _ended(self, at: float) -> None:
        while self.silences and self.silences[-1][1] <= self.silence:
            self.silences.pop()
        self.silences.append((at, self.silence))
        while self.silences[0][0] < at - RECENT:
            self.silences.popleft()

    @property
    def usual_silence(self) -> float | None:
        if self.first is None or not self.silences:
            return None
        is_known = self.at - self.silence - self.first >= ACQUAINTED
        return self.silences[0][1] if is_known else None


TIMELINE = LsnTimeline()


def known_timeline(snapshot: Snapshot) -> Timeline | None:
    """Return what is remembered of a server, whether or not it answers now."""
    view = snapshot.histories.get(TIMELINE)
    return None if view is None or isinstance(view, Broken) else view
