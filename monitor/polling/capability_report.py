"""Capability report: the rights that collectors need on one server, as rows for judges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerts._catalogue import all_findings
from alerts.verdicts.dependents import consultants, readers
from collectors._base import AnyCollector, Capability, Role, Scope
from collectors._catalogue import all_collectors
from collectors.capabilities import Granted, capabilities
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.runner import CollectorRunner
from monitor.postgres.privileges import Privileges


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """Supplies what is known of our rights, whenever it was asked anew."""

    privileges: PrivilegeChecks
    runner: CollectorRunner

    def supply(self, role: Role | None) -> None:
        """Say of every right that a collector needs whether we have it, once that is known."""
        if self.privileges.server:
            known = self.privileges.server, self.privileges.databases
            self.runner.supply(capabilities, tuple(capability_rows(*known, role)))


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
