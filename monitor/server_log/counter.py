"""Counter of a server's log: makes records of its lines, and counts them."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from collectors.log_counts import LogCount
from collectors.logged_plans import LoggedPlan
from collectors.server_log import ServerLog
from monitor.server_log.lines import LONGEST
from monitor.server_log.plans import PlanTally
from monitor.server_log.records import Parser
from monitor.server_log.tally import Tally

PAUSE = 300.0
"""Seconds without the end of the log from which it is a pause."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Counts up to the end of a visit."""

    counts: tuple[LogCount, ...]
    log: ServerLog
    plans: tuple[LoggedPlan, ...] = ()


@dataclass(slots=True)
class LogCounter:
    """Counts of one log."""

    tally: Tally = field(default_factory=Tally)
    plans: PlanTally = field(default_factory=PlanTally)
    parser: Parser | None = None
    kind: str = ""
    file: Hashable = None
    """The file that the last line was in: a record does not go on in another file."""

    reached: float | None = None
    """When the end of the log was last reached, in unix seconds."""
    is_late: bool = False
    """Whether this visit reads what was written in a pause: then a record is of its own time."""

    def begin(self, now: float) -> None:
        """Begin a visit."""
        self.plans.begin()
        self.is_late = self.reached is None or now - self.reached > PAUSE

    def add(self, lines: Iterable[bytes], kind: str, file: Hashable, now: float) -> None:
        """Count lines of a file in that format, which were written by then."""
        parser = self._parser(kind)
        if file != self.file:
            self.file = file
            parser.begin_anew()
        for record in parser.records(iter(lines)):
            at = min(now, record.at) if self.is_late and record.at is not None else now
            self.tally.add(record, at)
            self.plans.add(record, at)

    def seen(self, kind: str, dropped: int, skipped: int, behind: int, now: float) -> Seen:
        """Return what was counted, with what was not read: lines, bytes, and bytes to come."""
        tally = self.tally
        self.reached = now if behind < LONGEST else self.reached
        log = ServerLog(
            format=kind,
            records=tally.records,
            dropped=dropped + (self.parser.dropped if self.parser else 0),
            skipped_bytes=skipped,
            behind_bytes=behind,
            temp_files=tally.temp_files,
            temp_bytes=tally.temp_bytes,
            autovacuums_cancelled=tally.autovacuums_cancelled,
            deadlocks=tuple(tally.deadlocks),
        )
        return Seen(tally.rows(), log, self.plans.rows())

    def _parser(self, kind: str) -> Parser:
        if self.parser is None or self.kind != kind:
            self.kind = kind
            dropped = self.parser.dropped if self.parser else 0
            self.parser = replace(Parser.of(kind), dropped=dropped)
        return self.parser
