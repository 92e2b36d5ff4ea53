"""Publisher: hands the rows of a reading to the sink and notes what of them is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collectors._columns import Columns
from monitor.polling.answers import Answers
from monitor.polling.partial_refresh import PartialRefresh
from monitor.polling.question import Question
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Served, Sink


@dataclass(slots=True)
class Publisher:
    """Publishes what one server answers."""

    sink: Sink
    answers: Answers
    round_log: RoundLog
    refresh: PartialRefresh

    async def publish(self, question: Question, rows: Sequence[Any]) -> None:
        """Replace what is served of that collector, there."""
        collector, database = question.collector, question.database
        served = await self.sink.publish(collector, database, rows, question.is_whole)
        if not question.is_whole:
            return
        self._note(question, served)
        if collector.bulk and isinstance(rows, Columns):
            self.refresh.note(collector, database, rows, served)
            if database and not self.answers.is_newest(collector, database, rows):
                self.sink.drop(collector, database)  # superseded while it was rendered

    def publish_now(self, question: Question, rows: Sequence[Any]) -> None:
        """The same for a few rows, without a turn for anything else in between."""
        self._note(question, self.sink.put(question.collector, question.database, rows))

    def withdraw(self, question: Question) -> None:
        """Take off the page what is served of that collector, there."""
        self.sink.drop(question.collector, question.database)

    def _note(self, question: Question, served: Served) -> None:
        status = self.round_log.of(question.collector, question.database)
        status.left_out, status.duplicates = served.left_out, served.duplicates
