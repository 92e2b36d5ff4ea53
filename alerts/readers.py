"""Which findings depend on which collectors: what is lost with the sight of one."""

from collections.abc import Iterable, Mapping
from typing import Any

from alerts._base import Finding
from collectors._base import Role

Findings = Mapping[str, Finding[Any]]


def readers(collectors: Iterable[str], findings: Findings, role: Role | None) -> tuple[str, ...]:
    """The findings that are blind without one of these, of those judged on servers of that role."""
    lost = set(collectors)
    return tuple(
        name
        for name, finding in _judged(findings, role)
        if lost & {collector.name for collector in finding.reads}
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
        if name not in blind and lost & {collector.name for collector in finding.consults}
    )


def _judged(findings: Findings, role: Role | None) -> list[tuple[str, Finding[Any]]]:
    return [(n, f) for n, f in sorted(findings.items()) if not role or f.on in (None, role)]
