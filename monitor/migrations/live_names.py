"""Names on the live server, which decide how a failure on the clone is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LiveNames:
    """Names and settings there that the clone's server may lack, or have otherwise."""

    major: int | None = None
    roles: frozenset[str] | None = None
    """None: they were not asked."""
    of_server: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names of its databases and tablespaces, by these words; empty: they were not asked."""
    zone: str | None = None
    """Time zone of the sessions there, by which a change of type may rewrite."""
