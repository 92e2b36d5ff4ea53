"""The collector runner: reads, records and publishes one collector after the other, then judges."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from collectors._base import AnyCollector
from monitor.clock import Clock
from monitor.heartbeat import Heartbeat
from monitor.polling.answers import Answers
from monitor.polling.bookkeeper import Bookkeeper
from monitor.polling.pacing import Pacing
from monitor.polling.partial_refresh import PartialRefresh
from monitor.polling.publisher import Publisher
from monitor.polling.question import Question
from monitor.polling.reader import Place, Reader
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Sink
from monitor.polling.work_meter import WorkMeter
from monitor.reading import Reading


@dataclass(slots=True)
class CollectorRunner:
    """Runs the collectors of one server; a defect in one of them is the failure of that one."""

    clock: Clock
    reader: Reader
    books: Bookkeeper
    publisher: Publisher
    meter: WorkMeter
    judge: Callable[[], None]
    """Judges what reads something fresh."""
    deadline: float
    """Seconds after which an unanswered query costs us the session."""

    @classmethod
    def of(
        cls,
        server: str,
        clock: Clock,
        answers: Answers,
        pacing: Pacing,
        round_log: RoundLog,
        sink: Sink,
        judge: Callable[[], None],
        heart: Heartbeat,
        deadline: float,
    ) -> "CollectorRunner":
        """The runner with all that it needs."""
        refresh = PartialRefresh(clock, answers, pacing)
        publisher = Publisher(sink, answers, round_log, refresh)
        books = Bookkeeper(server, clock, round_log, pacing, answers, refresh, publisher)
        meter = WorkMeter.of(clock, heart, round_log, pacing, refresh, deadline)
        return cls(clock, Reader(clock), books, publisher, meter, judge, deadline)

    async def round(self, collectors: Iterable[AnyCollector], place: Place) -> None:
        """Run each of these, then judge. Raises ReadFailure only where the session was lost."""
        for collector in collectors:
            await self.run(collector, place)
        self.judge()

    async def run(self, collector: AnyCollector, place: Place) -> None:
        """Read, record and publish one collector."""
        with self.books.asking(collector, place) as (question, here):
            reading = await self.reader.read(collector, here, self.deadline)
            rows = self.books.record(question, reading)
            if rows is not None:
                await self.publisher.publish(question, rows)
            if reading.cost:
                await self.meter.charge(question, reading.cost, place.session, reading.cold)

    def supply(self, collector: AnyCollector, rows: Sequence[Any]) -> None:
        """Record and publish rows that the daemon itself is the source of."""
        now = self.clock.now()
        question = Question(collector, None, now)
        with self.books.outcome(question):
            known = self.books.record(question, Reading(rows, now))
            self.publisher.publish_now(question, rows if known is None else known)
