"""Combiner: makes one answer of a server out of the answers of its databases."""

from dataclasses import dataclass

from collectors._catalogue import of_databases
from monitor.clock import Clock
from monitor.polling.answers import Answers
from monitor.polling.bookkeeper import Bookkeeper
from monitor.polling.databases import Databases
from monitor.polling.question import Question
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Sink


@dataclass(slots=True)
class Combiner:
    """Combines what the walks of one server have brought."""

    clock: Clock
    answers: Answers
    round_log: RoundLog
    books: Bookkeeper
    sink: Sink
    at: float = 0.0
    """When answers were last combined, in unix seconds."""

    def age(self) -> float:
        """Seconds since answers were last combined."""
        return self.clock.now() - self.at

    def combine(self, databases: Databases) -> None:
        """Combine all answers and take off the page what no longer exists."""
        self.at = self.clock.now()
        known = {*databases.names, *databases.closed}
        for collector in of_databases():
            with self.books.outcome(Question(collector, None, self.at)):
                for gone in self.answers.combine(collector, known, self.at):
                    self.sink.drop(collector, gone)
                self.round_log.drop_whole(collector)
