"""Verdict on one finding of one server, as shown on pages and in metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts._base import AnyFinding, Evidence, Severity, State, Unjudged
from alerts.verdicts.places import Places


@dataclass(frozen=True, slots=True)
class Subject:
    """An ill subject, and since when (unix seconds)."""

    evidence: Evidence
    since: float
    held: bool = False
    """Whether this is its last known state, because it can't be judged now."""
    over: float | None = None
    """When it ended, if it has; it is shown for the next scrapes."""
    muted: str | None = None
    """The reason why it is muted; None if it is not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict: ill subjects, the number of judged objects, and what could not be judged."""

    finding: AnyFinding
    state: State
    at: float
    """When it was last judged (unix seconds)."""
    subjects: tuple[Subject, ...] = ()
    """Ill subjects, the worst first, then ended ones; for an event, the newest first."""
    muted: tuple[Subject, ...] = ()
    judged: int = 0
    unjudged: tuple[Unjudged, ...] = ()
    events: float = 0
    """Number of events since the daemon started to watch this server."""
    changed: float = field(default=0)
    """Since when it is in this state (unix seconds)."""
    places: Places = field(default_factory=dict)
    """The subjects with an alert of their own."""
    measured: tuple[Any, ...] = ()
    """Rows of the collector that the finding measures, of ill objects and others."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """When the oldest facts were read that it stands on (unix seconds), by collector."""
    known: bool = False
    """Whether it was judged since the start, or restored: then absent subjects are well."""

    @property
    def facts_at(self) -> float | None:
        """When the oldest facts were read that it stands on; None if it stands on none."""
        return min(self.facts.values(), default=None)

    @property
    def severity(self) -> Severity | None:
        """The highest severity of its subjects."""
        return worst(s.evidence.severity for s in self.subjects)

    @property
    def reason(self) -> str:
        """Why it is in this state, in one sentence; empty if it is healthy."""
        if self.state is State.ill:
            first = self.subjects[0]
            return f"{'' if first.over is None else 'Over: '}{first.evidence.message}"
        if self.unjudged:
            more = len({u.reason for u in self.unjudged}) - 1
            return self.unjudged[0].reason + (f" (and {more} more reasons)" if more else "")
        return self.muted[0].muted or "" if self.state is State.muted else ""

    @property
    def is_unconfigured(self) -> bool:
        """Return True if it is unknown only because settings are missing."""
        blind = [one for one in self.unjudged if one.until is None]
        return self.state is State.unknown and bool(blind) and all(one.setting for one in blind)

    def at_or_above(self, severity: Severity) -> int:
        return sum(s.evidence.severity.rank >= severity.rank for s in self.subjects)

    def unjudged_by_reason(self) -> dict[str, int]:
        """Return the number of objects that could not be judged, by reason."""
        counts: dict[str, int] = {}
        for one in self.unjudged:
            counts[one.reason] = counts.get(one.reason, 0) + one.count
        return counts


def worst(severities: Iterable[Severity]) -> Severity | None:
    return max(severities, key=lambda severity: severity.rank, default=None)
