"""Bookkeeper: records the result of a query in the round log and the answers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog

from collectors._base import Absence, AnyCollector
from monitor.clock import Clock
from monitor.defects import DEFECTS, place_of
from monitor.polling.answers import Answers
from monitor.polling.pacing import Pacing
from monitor.polling.partial_refresh import PartialRefresh
from monitor.polling.publisher import Publisher
from monitor.polling.question import Question
from monitor.polling.reader import Place
from monitor.polling.round_log import RoundLog
from monitor.polling.wanted_rows import wanted_rows
from monitor.reading import ReadFailure, Reading

log = structlog.get_logger("pgvigil")


@dataclass(slots=True)
class Bookkeeper:
    """Keeps the records of one server."""

    server: str
    clock: Clock
    round_log: RoundLog
    pacing: Pacing
    answers: Answers
    refresh: PartialRefresh
    publisher: Publisher

    @contextmanager
    def asking(self, collector: AnyCollector, place: Place) -> Iterator[tuple[Question, Place]]:
        """Decide whether all of it is asked there or a part, and note how that goes.

        Raises ReadFailure only where the session was lost.
        """
        database = place.database_of(collector)
        tables = self.refresh.tables(collector, database)
        question = Question(collector, database, self.clock.now(), tables)
        self.round_log.of(collector, database).asked = question.began
        with self.outcome(question):
            wanted = wanted_rows(
                collector, self.answers.newest, self.answers.recorder, question.began
            )
            yield (
                question,
                replace(place, tables=tables, wanted=wanted, newest=self.answers.newest),
            )

    def record(self, question: Question, reading: Reading) -> Sequence[Any] | None:
        """Note a reading and what it cost. Returns the rows to publish, None if there are none."""
        collector, database = question.collector, question.database
        status = self.round_log.of(collector, database)
        if reading.missing:
            status.absence(question.began, reading.missing.reason, reading.missing.expected)
            self.answers.mark_absent(collector, database, reading.missing)
            return None
        if reading.cost is None and collector.gate:
            self.pacing.rests(collector)
            status.asked = None  # due as soon as the gate is open
        if not question.is_whole:
            return reading.rows
        rows = self.answers.take(collector, database, reading.rows, reading.at)
        status.success(reading.at, reading.at - question.began, len(rows))
        return rows

    @contextmanager
    def outcome(self, question: Question) -> Iterator[None]:
        """Note whatever goes wrong inside as the failure of that collector alone.

        Raises ReadFailure only where the session was lost.
        """
        try:
            yield
        except ReadFailure as failure:
            self._fail(question, failure)
            if failure.lost:
                raise
        except Exception as defect:
            self._fail_by_defect(question, defect)

    def _fail(self, question: Question, failure: ReadFailure) -> None:
        collector, database = question.collector, question.database
        if self._is_news(question, failure):
            log.warning(
                "round failed",
                server=self.server,
                collector=collector.name,
                database=database,
                error=failure.message,
                sqlstate=getattr(failure, "sqlstate", None),
            )
        if collector.own and failure.unanswered:  # says nothing about the server
            failure.refused = True
        self._note_failure(question, failure)
        if failure.unanswered and not collector.own:
            self.pacing.timed_out()
        why = Absence(failure.message, late=failure.unanswered)
        self.answers.mark_absent(collector, database, why)

    def _fail_by_defect(self, question: Question, defect: Exception) -> None:
        """What was known before can't be trusted to follow: it goes at once."""
        collector, database = question.collector, question.database
        DEFECTS.counts["collector"] += 1
        failure = ReadFailure(f"a defect in pgvigil: {place_of(defect)}")
        if self._is_news(question, failure):
            log.error(
                "collector broke",
                server=self.server,
                collector=collector.name,
                database=database,
                exc_info=defect,
            )
        self._note_failure(question, failure)
        why = Absence(failure.message)
        try:
            self.answers.withdraw(collector, database, question.began, why)
        except Exception:  # the rest of its rows breaks in the same way
            self.answers.forget([collector], failure.message)
        self.publisher.withdraw(question)

    def _is_news(self, question: Question, failure: ReadFailure) -> bool:
        status = self.round_log.of(question.collector, question.database)
        return status.error != failure.message

    def _note_failure(self, question: Question, failure: ReadFailure) -> None:
        status = self.round_log.of(question.collector, question.database)
        status.failure(self.clock.now(), self.pacing.of(question.collector), failure)
