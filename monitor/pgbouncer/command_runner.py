"""Command runner: asks a console what is due, and records and publishes the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from collectors._base import Absence, AnyCollector, Kind
from collectors._catalogue import about
from collectors.pooler_clients import pooler_clients
from collectors.pooler_lists import pooler_lists
from collectors.pooler_users import pooler_users
from monitor.background import run_by_size
from monitor.clock import Clock
from monitor.config.poolers import PoolerPlan
from monitor.pgbouncer.console import Console
from monitor.pgbouncer.failure import ConsoleFailure
from monitor.pgbouncer.rows import rows_of
from monitor.pgbouncer.standing_console import StandingConsole
from monitor.polling.answers import Answers
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Sink
from monitor.reading import ReadFailure

NOT_UP = "the pooler does not answer"
MOST = 2000
"""Clients and users up to which they are listed."""
COUNTED = {pooler_clients: "used_clients", pooler_users: "users"}
"""Where SHOW LISTS counts what a long answer has."""


def asked() -> list[AnyCollector]:
    """Return the collectors that ask a console."""
    return [collector for collector in about(Kind.pgbouncer) if collector.console]


@dataclass(slots=True)
class CommandRunner:
    """Runner of the collectors of one pooler."""

    plan: PoolerPlan
    """Its name, paces and deadline stay as they are as long as the pooler is watched."""
    clock: Clock
    console: StandingConsole
    answers: Answers
    sink: Sink
    round_log: RoundLog = field(default_factory=RoundLog)

    async def round(self) -> None:
        """Ask what is due, on a console that is opened where it is not."""
        now = self.clock.now()
        due = [one for one in asked() if self._is_due(one, now)]
        due.sort(key=lambda one: one in COUNTED)  # after the number of them
        if not due or not (session := await self._session()):
            return
        for collector in due:
            try:
                if self._is_long(collector):
                    what = collector.console.removeprefix("SHOW ").lower()
                    raise ReadFailure(f"it has more than {MOST:,} {what}", refused=True)
                await self._ask(session, collector)
            except ReadFailure as failure:
                if failure.lost:
                    self._forget_answers(await self.console.lose(failure))
                    return
                self._note(collector, failure)

    def begin_anew(self) -> None:
        """Make everything due."""
        self.round_log = RoundLog()

    async def _session(self) -> Console | None:
        """Connect where it is not; one attempt at a time, with a back-off after failures."""
        if self.console.is_usable:
            return self.console.session
        if not self.console.may_try:
            return None
        try:
            await self.console.open()
        except ConsoleFailure as failure:
            self._forget_answers(failure)
            return None
        self.begin_anew()
        return self.console.session

    def _is_long(self, collector: AnyCollector) -> bool:
        """Whether a list of all clients or users would cost its one thread too much."""
        known = self.answers.newest.get(pooler_lists)
        counts = {row.list: row.items for row in known.rows} if known else {}
        return collector in COUNTED and (counts.get(COUNTED[collector]) or 0) > MOST

    def _is_due(self, collector: AnyCollector, now: float) -> bool:
        status = self.round_log.of(collector, None)
        return status.overdue(now, self.plan.paces[collector.lane]) is not None

    async def _ask(self, session: Console, collector: AnyCollector) -> None:
        status = self.round_log.of(collector, None)
        status.asked = begun = self.clock.now()
        records = await session.ask(collector.console, self.plan.deadline)
        rows = await run_by_size(records, rows_of, collector, records)
        now = self.clock.now()
        status.success(now, now - begun, len(rows))
        self.supply(collector, rows)

    def supply(self, collector: AnyCollector, rows: Sequence[object]) -> None:
        """Record and publish an answer, of the console or of our own."""
        known = self.answers.take(collector, None, rows, self.clock.now())
        self.sink.put(collector, None, known)

    def lack(self, collector: AnyCollector, why: Absence) -> None:
        """Record why there is no answer."""
        if self.answers.absent.get(collector) != why:
            self.answers.mark_absent(collector, None, why)

    def _note(self, collector: AnyCollector, failure: ReadFailure) -> None:
        """One command failed: that of a newer version, or one that brought what we can't read."""
        pace = self.plan.paces[collector.lane]
        self.round_log.of(collector, None).failure(self.clock.now(), pace, failure)
        self.lack(collector, Absence(failure.message, expected=failure.refused))

    def _forget_answers(self, failure: ConsoleFailure) -> None:
        for collector in self.answers.forget(asked(), f"{NOT_UP}: {failure.message}"):
            self.sink.drop(collector, None)
        self.answers.recorder.restart()

    def expire(self) -> None:
        """Drop answers that are too old."""
        now = self.clock.now()
        for collector in list(self.answers.newest):
            if self.answers.expire(collector, self.plan.paces[collector.lane], now):
                self.sink.drop(collector, None)
