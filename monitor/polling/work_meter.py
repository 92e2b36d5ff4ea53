"""Work meter: charges the server's work for each query to the round log and to the pacing."""

from dataclasses import dataclass

from collectors._base import AnyCollector, Lane, Scope
from monitor import background
from monitor.clock import Clock
from monitor.heartbeat import Heartbeat
from monitor.polling.answers import Answers
from monitor.polling.calibration import Calibration
from monitor.polling.pacing import Pacing
from monitor.polling.partial_refresh import PartialRefresh
from monitor.polling.question import Question
from monitor.polling.round_log import RoundLog
from monitor.postgres.session import Session
from monitor.reading import Cost

OFTEN = {Lane.fast, Lane.normal, Lane.table}
"""Lanes whose next round comes soon: on a session that stays, their first is no measure."""


@dataclass(slots=True)
class WorkMeter:
    """The meter of one server."""

    heart: Heartbeat
    round_log: RoundLog
    pacing: Pacing
    answers: Answers
    refresh: PartialRefresh
    calibration: Calibration
    deadline: float
    """Seconds that the calibration query may take."""

    @classmethod
    def of(
        cls,
        clock: Clock,
        heart: Heartbeat,
        round_log: RoundLog,
        pacing: Pacing,
        refresh: PartialRefresh,
        deadline: float,
    ) -> "WorkMeter":
        """The meter with all that it needs."""
        calibration = Calibration(clock)
        return cls(heart, round_log, pacing, refresh.answers, refresh, calibration, deadline)

    async def charge(self, question: Question, cost: Cost, session: Session, cold: bool) -> None:
        """Charge a round, and what was asked on its session beside it.

        A query costs more when it is asked for the first time on a session (`cold`).
        """
        collector, database = question.collector, question.database
        is_quick = not question.is_whole or self.refresh.is_short(collector, database)
        in_walk = collector.scope is Scope.database
        await self._spend((collector, is_quick, cold), database, cost, session, in_walk)
        while session.aside:
            query, beside = session.aside.pop(0)
            await self._spend((query,), None, beside, session, in_walk)
        if is_quick and question.is_whole:
            for seen in (False, True):
                self.round_log.estimates.drop((collector, False, seen), database)
        self._tell(collector, is_quick)
        if session.process is None:
            await self.calibration.practise(session, self.deadline)

    async def _spend(
        self, asked: object, database: str | None, cost: Cost, session: Session, in_walk: bool
    ) -> None:
        """Learn from one query, and add to what was spent."""
        before = self.round_log.estimates.of(asked, database)
        now = self.calibration.clock.now()
        if cost.run is not None and self.heart.shares.is_disturbed:
            after = before.bound(cost, now)
        elif not (before.is_dear(cost) or (cost.was_read_late and before.kept)):
            after = before.keep(cost, now)
        elif cost.was_read_late or await self._is_explained(session):
            after = before.leave_out(cost, now)
            self.round_log.rounds_left_out += 1
        else:
            after = before.doubt(cost, now)
        self.round_log.estimates.put(asked, database, after)
        work = after.seconds if cost.run is None else after.waiting + cost.run
        self.round_log.spend(cost.elapsed, work, in_walk)

    async def _is_explained(self, session: Session) -> bool:
        """Whether a dear round may have waited for others, or for us."""
        if self.heart.shares.is_disturbed or background.is_busy():
            return True
        if session.process:
            return False
        return await self.calibration.is_slow(session, self.deadline)

    def _tell(self, collector: AnyCollector, is_quick: bool) -> None:
        """Tell the pacing what a round costs, in all databases together."""
        warm = self.round_log.estimates.total((collector, is_quick, False))
        stays = collector.scope is Scope.server or self.answers.count(collector) <= 1
        if stays and collector.lane in OFTEN:
            is_known = (collector, is_quick, False) in self.round_log.estimates.totals
            self.pacing.answered(collector, warm if is_known else None, is_quick)
        else:
            cold = self.round_log.estimates.total((collector, is_quick, True))
            self.pacing.answered(collector, max(warm, cold), is_quick)
