"""Self collectors: the daemon's own rounds and privileges as rows for judges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from alerts._catalogue import all_findings
from alerts.verdicts.dependents import consultants, readers
from collectors._base import AnyCollector, Capability, Role, Scope
from collectors._catalogue import all_collectors
from collectors.capabilities import Granted, capabilities
from collectors.rounds import Round, rounds
from monitor.clock import Clock
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.round_log import RoundLog, RoundStatus
from monitor.polling.runner import CollectorRunner
from monitor.postgres.privileges import Privileges


@dataclass(slots=True)
class SelfCollectors:
    """Supplies what is known of our own rounds and privileges on one server."""

    clock: Clock
    round_log: RoundLog
    pacing: Pacing
    privileges: PrivilegeChecks
    runner: CollectorRunner

    def supply_rounds(self, role: Role | None) -> None:
        """Say how each collector fares; one that failed in some database has failed."""
        asked = (collector for collector in all_collectors().values() if collector.sql)
        self.runner.supply(rounds, tuple(self._round(collector, role) for collector in asked))

    def supply_privileges(self, role: Role | None) -> None:
        """Say of every right that some collector needs whether we have it, once that is known."""
        if self.privileges.server:
            known = self.privileges.server, self.privileges.databases
            self.runner.supply(capabilities, tuple(capability_rows(*known, role)))

    def _round(self, collector: AnyCollector, role: Role | None) -> Round:
        status, now = sum_up(self.round_log.parts(collector)), self.clock.now()
        since, succeeded = status.failing_since, status.succeeded
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
            blinded=_blinded_by(collector, role) if status.error or succeeded is None else (),
            set_seconds=self.pacing.unstretched(collector),
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
    )


def capability_rows(
    server: Privileges, databases: Mapping[str, Privileges], role: Role | None
) -> Iterator[Granted]:
    """Every right that some collector needs, on the server or in each database."""
    collectors = list(all_collectors().values())
    for datname, privileges, scope in (
        (None, server, Scope.server),
        *((name, privileges, Scope.database) for name, privileges in sorted(databases.items())),
    ):
        for capability in _needed(collectors, scope):
            if capability in privileges.granted:
                yield _granted(datname, privileges, capability, collectors, role)


def _granted(
    datname: str | None,
    privileges: Privileges,
    capability: Capability,
    collectors: list[AnyCollector],
    role: Role | None,
) -> Granted:
    needing = tuple(c.name for c in collectors if capability in c.needs)
    granted = privileges.granted[capability]
    is_quiet = granted or capability.is_optional
    return Granted(
        datname=datname,
        capability=capability.name,
        granted=granted,
        grant=privileges.grant(capability),
        buys=capability.buys,
        collectors=needing,
        probe=capability.probe,
        blinded=() if is_quiet else readers(needing, all_findings(), role),
        partly_blinded=() if is_quiet else consultants(needing, all_findings(), role),
    )


def _needed(collectors: list[AnyCollector], scope: Scope) -> Iterator[Capability]:
    """Rights that are given in that scope, each once."""
    yield from dict.fromkeys(need for c in collectors for need in c.needs if need.scope is scope)
