"""The statements of one server as a kind of history: what each did in windows of five minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from alerts.history.kind import HomeThread, SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.statements.counts import Counts
from alerts.statements.uses import Key, Uses, added
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.stat_statements import stat_statements

WINDOW = timedelta(minutes=5)
KEPT = 12
"""Windows: an hour."""
FEW = 1000
"""Keys that are kept in any case."""
EARLY = 0.95
"""Share of a window after which it may end: answers are not punctual."""


@dataclass(frozen=True, slots=True)
class StatementUses:
    """Recent uses of the statements."""

    closed: tuple[Uses, ...] = ()
    """Whole windows of five minutes, or of a gap that was longer; the oldest first."""
    current: Uses | None = None
    """Since the end of the last of them."""
    begun: float | None = None
    """When it was first looked at (unix seconds); None if it never was."""
    users: Mapping[int, str] = field(default_factory=dict)
    """Names by OID,"""
    databases: Mapping[int, str | None] = field(default_factory=dict)
    """None for a database that was dropped."""
    _sums: dict[int, Uses] = field(default_factory=dict, compare=False, repr=False)
    _closed_sums: dict[int, Uses] = field(default_factory=dict, compare=False, repr=False)
    """Of closed windows; kept as long as these are the same."""

    def over(self, span: timedelta) -> Uses | None:
        """Return what was done in about the last `span`, in one; None before there are two answers.

        It is shorter where less was seen, and longer by up to a window: see `Uses.seconds`.
        """
        count = self._count(span.total_seconds() * EARLY)
        if count not in self._sums:
            closed = self._last(count)
            parts = [part for part in (closed, self.current) if part is not None]
            if not parts:
                return None
            self._sums[count] = added(parts)
        return self._sums[count]

    def _count(self, wanted: float) -> int:
        """Return how many whole windows fill that number of seconds up."""
        seen, count = (self.current.seconds if self.current else 0.0), 0
        for window in reversed(self.closed):
            if seen >= wanted:
                break
            seen, count = seen + window.seconds, count + 1
        return count

    def _last(self, count: int) -> Uses | None:
        if not count:
            return None
        if count not in self._closed_sums:
            self._closed_sums[count] = added(self.closed[-count:])
        return self._closed_sums[count]


class StatementHistory(SingleHistory[StatementUses]):
    """History of what every statement did in the last hour; there is one per server."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (stat_statements,)

    @property
    def home(self) -> HomeThread:
        """Run in the background thread: there may be thousands of statements."""
        return HomeThread.background

    def recorder(self, memory: Memory, namespace: Namespace) -> "StatementRecorder":
        return StatementRecorder()


STATEMENTS = StatementHistory()


class StatementRecorder:
    """Adds up increases; what was handed out is replaced and never changed."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._counts: Counts | None = None
        self._shared: dict[Key, Key] = {}
        self._view = StatementUses()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if len(self._shared) > 3 * len(answer.rows) + FEW:
            self._shared = {}
        before, self._counts = self._counts, Counts.of(answer, self._shared)
        known = self._view
        closed, current = known.closed, known.current
        if before is not None:
            new = self._counts.uses_since(before)
            current = new if current is None else added([current, new])
            if current.seconds >= WINDOW.total_seconds() * EARLY:
                closed, current = (*closed[1 - KEPT :], current), None
        self._view = StatementUses(
            closed,
            current,
            answer.at if known.begun is None else known.begun,
            _names(answer, "userid", "usename"),
            _names(answer, "dbid", "datname"),
            _closed_sums=known._closed_sums if closed is known.closed else {},
        )

    def view(self, at: float) -> StatementUses:
        return self._view


def _names(answer: AnyAnswer, oid: str, name: str) -> Mapping[int, str]:
    return dict(zip(column(answer.rows, oid), column(answer.rows, name), strict=True))
