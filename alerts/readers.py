"""Which findings depend on which collectors: what is lost with the sight of one."""

from collections.abc import Iterable, Mapping
from typing import Any

from alerts._base import Finding
from collectors._base import Role


def readers(
    collectors: Iterable[str], findings: Mapping[str, Finding[Any]], role: Role | None
) -> tuple[str, ...]:
    """The findings that are blind without one of these collectors, as far as the role has them."""
    lost = set(collectors)
    return tuple(
        name
        for name, finding in sorted(findings.items())
        if lost & {collector.name for collector in finding.reads}
        and (role is None or finding.on in (None, role))
    )
