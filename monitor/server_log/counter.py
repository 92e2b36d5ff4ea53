"""Counter of a server's log: makes records of its lines, and counts them."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from collectors.log_counts import LogCount
from collectors.logged_plans import LoggedPlan
from collectors.server_log import ServerLog
from monitor.server_log.plans import PlanTally
from monitor.server_log.records import Parser
from monitor.server_log.tally import Tally


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

    def begin(self) -> None:
        """Begin a visit."""
        self.plans.begin()

    def add(self, lines: Iterable[bytes], kind: str, file: Hashable, now: float) -> None:
        """Count lines of a file in that format."""
        parser = self._parser(kind)
        if file != self.file:
            self.file = file
            parser.begin_anew()
        for record in parser.records(iter(lines)):
            self.tally.add(record, now)
            self.plans.add(record, now)

    def seen(self, kind: str, dropped: int, skipped: int, behind: int) -> Seen:
        """Return what was counted, with what was not read: lines, bytes, and bytes to come."""
        tally = self.tally
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
