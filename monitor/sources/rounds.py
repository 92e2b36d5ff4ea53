"""Rounds: how each collector fares on one server."""

from dataclasses import dataclass
from functools import cache

from alerts._catalogue import all_findings
from alerts.verdicts.dependents import readers
from collectors._base import AnyCollector, Role
from collectors._catalogue import all_collectors
from collectors.rounds import Round, rounds
from monitor.clock import Clock
from monitor.polling.pacing import Pacing
from monitor.polling.round_log import RoundLog, RoundStatus
from monitor.postgres.identity import IdentityTracker
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source


@dataclass(slots=True)
class Rounds(Source):
    """Supplies a row for each collector with a query; one that failed in a database has failed."""

    outlet: Outlet
    clock: Clock
    round_log: RoundLog
    pacing: Pacing
    identity: IdentityTracker
    name = "rounds"
    every = 15.0

    async def tick(self, now: float) -> None:
        asked = (collector for collector in all_collectors().values() if collector.sql)
        role = self.identity.node.role
        self.outlet.supply(rounds, tuple(self._round(collector, role) for collector in asked))

    def _round(self, collector: AnyCollector, role: Role | None) -> Round:
        status, now = sum_up(self.round_log.parts(collector)), self.clock.now()
        since, succeeded = status.failing_since, status.succeeded
        is_missed = (status.error or succeeded is None) and not status.is_expected
        return Round(
            collector=collector.name,
            lane=collector.lane.value,
            ok=status.error is None and succeeded is not None,
            error=status.error,
            failed_seconds=None if since is None else now - since,
            age_seconds=None if succeeded is None else now - succeeded,
            pace_seconds=self.pacing.of(collector),
            duration_seconds=status.duration,
            was_refused=status.failures > 0,
            blinded=_blinded_by(collector, role) if is_missed else (),
            set_seconds=self.pacing.ordinary(collector),
        )


@cache
def _blinded_by(collector: AnyCollector, role: Role | None) -> tuple[str, ...]:
    return readers([collector.name], all_findings(), role)


def sum_up(parts: list[RoundStatus]) -> RoundStatus:
    """One entry for all databases: the oldest success, the first error, rows and time in all."""
    if len(parts) == 1:
        return parts[0]
    failed = next((part for part in parts if part.error), None)
    successes = [part.succeeded for part in parts if part.succeeded is not None]
    return RoundStatus(
        succeeded=min(successes, default=None),
        duration=sum(part.duration or 0.0 for part in parts) if successes else None,
        rows=sum(part.rows or 0 for part in parts) if successes else None,
        left_out=sum(part.left_out for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        error=failed.error if failed else None,
        failing_since=failed.failing_since if failed else None,
        failures=max((part.failures for part in parts), default=0),
        is_expected=failed is not None and all(part.is_expected for part in parts if part.error),
    )
