"""Upkeep of answers: combines those of databases, removes what is too old or no longer exists."""

from collections.abc import Callable
from dataclasses import dataclass

from collectors._base import AnyCollector
from collectors._catalogue import of_databases
from monitor.clock import Clock
from monitor.polling.answers import Answers
from monitor.polling.bookkeeper import Bookkeeper
from monitor.polling.databases import Databases
from monitor.polling.question import Question
from monitor.polling.round_log import RoundLog
from monitor.polling.sink import Sink


@dataclass(slots=True)
class Upkeep:
    """Keeps the answers of one server in order; what can't be kept is its collector's failure."""

    clock: Clock
    answers: Answers
    round_log: RoundLog
    books: Bookkeeper
    sink: Sink
    combined_at: float = 0.0
    """When answers were last combined, in unix seconds."""

    def age(self) -> float:
        """Seconds since answers were last combined."""
        return self.clock.now() - self.combined_at

    def combine(self, databases: Databases) -> None:
        """Make one answer of all databases and take off the page those that no longer exist."""
        now = self.combined_at = self.clock.now()
        known = {*databases.names, *databases.closed}
        for collector in of_databases():
            with self.books.outcome(Question(collector, None, now)):
                for gone in self.answers.combine(collector, known, now):
                    self.sink.drop(collector, gone)
                self.round_log.drop_whole(collector)

    def expire(self, pace_of: Callable[[AnyCollector], float]) -> None:
        """Remove what is too old by the pace (seconds) of its collector, from the page as well."""
        now = self.clock.now()
        for collector in list(self.answers.newest):
            if self.answers.is_young(collector, now):
                continue
            with self.books.outcome(Question(collector, None, now)):
                for database in self.answers.expire(collector, pace_of(collector), now):
                    self.sink.drop(collector, database)
