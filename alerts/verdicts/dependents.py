"""Dependents: the findings that need a collector."""

from collections.abc import Iterable, Mapping
from functools import cache

from alerts._base import AnyFinding
from collectors._base import AnyCollector, Role

Findings = Mapping[str, AnyFinding]


def readers(collectors: Iterable[str], findings: Findings, role: Role | None) -> tuple[str, ...]:
    """Return the findings that can't be judged without one of these, for servers of that role."""
    lost = set(collectors)
    return tuple(
        name
        for name, finding in _judged(findings, role)
        if not lost.isdisjoint(_names(finding.reads))
    )


def consultants(
    collectors: Iterable[str], findings: Findings, role: Role | None
) -> tuple[str, ...]:
    """Return the findings that can be judged without it, but not for all objects."""
    lost = set(collectors)
    blind = readers(lost, findings, role)
    return tuple(
        name
        for name, finding in _judged(findings, role)
        if name not in blind and not lost.isdisjoint(_names(finding.consults))
    )


@cache
def _names(collectors: tuple[AnyCollector, ...]) -> tuple[str, ...]:
    return tuple(collector.name for collector in collectors)


def _judged(findings: Findings, role: Role | None) -> list[tuple[str, AnyFinding]]:
    return [(n, f) for n, f in sorted(findings.items()) if not role or f.on in (None, role)]
