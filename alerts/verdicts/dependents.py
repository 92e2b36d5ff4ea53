"""Which findings depend on which collectors: what is lost with the sight of one."""

from collections.abc import Iterable, Mapping
from functools import cache

from alerts._base import AnyFinding
from collectors._base import AnyCollector, Role

Findings = Mapping[str, AnyFinding]


def readers(collectors: Iterable[str], findings: Findings, role: Role | None) -> tuple[str, ...]:
    """The findings that are blind without one of these, of those judged on servers of that role."""
    lost = set(collectors)
    return tuple(
        name
        for name, finding in _judged(findings, role)
        if not lost.isdisjoint(_names(finding.reads))
    )


def consultants(
    collectors: Iterable[str], findings: Findings, role: Role | None
) -> tuple[str, ...]:
    """Those that are blind in part: they go on, but some objects can't be judged."""
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
