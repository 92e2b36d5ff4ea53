"""What the daemon knows of itself, as rows for the judges like any other."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alerts._catalogue import all_findings
from alerts.verdicts.dependents import consultants, readers
from collectors._base import AnyCollector, Capability, Role, Scope
from collectors.capabilities import Granted, capabilities
from collectors.rounds import Round
from collectors.rounds import rounds as rounds_collector
from monitor.polling.round_log import RoundStatus
from monitor.polling.runner import CollectorRunner
from monitor.postgres.privileges import Privileges

Supply = tuple[AnyCollector, tuple[Any, ...]]


def round_rows(
    rounds: CollectorRunner, collectors: Iterable[AnyCollector], role: Role | None, now: float
) -> Supply:
    """How each collector fares; one that failed in some database has failed."""
    return rounds_collector, tuple(
        _round(collector, rounds, role, now) for collector in collectors if collector.sql
    )


def _round(
    collector: AnyCollector, rounds: CollectorRunner, role: Role | None, now: float
) -> Round:
    entry = sum_up(rounds.round_log.parts(collector))
    return Round(
        collector=collector.name,
        lane=collector.lane.value,
        ok=entry.error is None and entry.succeeded is not None,
        error=entry.error,
        failed_seconds=None if entry.failing_since is None else now - entry.failing_since,
        age_seconds=None if entry.succeeded is None else now - entry.succeeded,
        pace_seconds=rounds.paces.of(collector),
        duration_seconds=entry.duration,
        was_refused=entry.failures > 0,
        blinded=_blinded_by(collector, role) if entry.error or entry.succeeded is None else (),
    )


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
    server: Privileges,
    databases: Mapping[str, Privileges],
    collectors: Iterable[AnyCollector],
    role: Role | None,
) -> Supply:
    """Every right that some collector needs, on the server or in each database."""
    known = list(collectors)
    rows = [
        _granted(datname, rights, capability, known, role)
        for datname, rights, scope in (
            (None, server, Scope.server),
            *((name, rights, Scope.database) for name, rights in sorted(databases.items())),
        )
        for capability in _needed(known, scope)
        if capability in rights.granted
    ]
    return capabilities, tuple(rows)


def _granted(
    datname: str | None,
    rights: Privileges,
    capability: Capability,
    known: list[AnyCollector],
    role: Role | None,
) -> Granted:
    needing = tuple(c.name for c in known if capability in c.needs)
    granted = rights.granted[capability]
    return Granted(
        datname=datname,
        capability=capability.name,
        granted=granted,
        grant=rights.grant(capability),
        buys=capability.buys,
        collectors=needing,
        probe=capability.probe,
        blinded=() if granted else readers(needing, all_findings(), role),
        partly_blinded=() if granted else consultants(needing, all_findings(), role),
    )


def _needed(known: list[AnyCollector], scope: Scope) -> Iterator[Capability]:
    """Rights by the scope in which they are given, each once."""
    yield from dict.fromkeys(need for c in known for need in c.needs if need.scope is scope)
