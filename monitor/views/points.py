"""Points to review: what each would gain, what it would cost, and in which order to go on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.own_check import OwnFinding
from alerts.verdicts.verdict import Verdict
from monitor.views.overview import Judged, Overview
from monitor.views.summary import Summary

LARGE_BYTES = 100e6
LARGE_ROWS = 1e6
SLOW = ("CONCURRENTLY", "VALIDATE", "VACUUM", "REINDEX", "CLUSTER", "ANALYZE")
"""Words of statements that read or build a whole relation."""
HARMLESS = ("SET ", "RESET ", "SELECT ")


class Gain(StrEnum):
    """Gain of a cure: high for a warning, medium for a large object, else low."""

    high = "high"
    medium = "medium"
    low = "low"

    @property
    def rank(self) -> int:
        return tuple(Gain).index(self)


class Effort(StrEnum):
    """Effort of a cure, as the cure itself tells."""

    paste = "paste"
    """Statements that end at once."""
    supervise = "supervise"
    """Statements that read or build a whole relation: stay until they have ended."""
    plan = "plan"
    """Steps that need a decision or a release."""

    @property
    def rank(self) -> int:
        return tuple(Effort).index(self)


EFFORTS = {
    Effort.paste: "statements that end at once",
    Effort.supervise: "statements that take long: stay until they have ended",
    Effort.plan: "a decision, or a change of the application",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One ill subject of a review."""

    server: str
    finding: AnyFinding
    evidence: Evidence
    since: float

    @property
    def gain(self) -> Gain:
        if self.evidence.severity is not Severity.info:
            return Gain.high
        return Gain.medium if is_large(self.evidence.facts) else Gain.low

    @property
    def effort(self) -> Effort:
        return effort(self.evidence.cure)

    @property
    def order(self) -> tuple[int, int, str, str, float]:
        """The most gain first, then the least effort; points of one finding stay together."""
        about = (self.finding.name, self.server)
        return self.gain.rank, self.effort.rank, *about, -self.evidence.value


def is_large(facts: Mapping[str, object]) -> bool:
    return any(
        value >= LARGE_BYTES
        if name.endswith("_bytes")
        else name.split("_")[-1] == "rows" and value >= LARGE_ROWS
        for name, value in facts.items()
        if isinstance(value, int | float)
    )


def effort(cure: tuple[str, ...]) -> Effort:
    done = [line for line in cure if not line.startswith(("--", *HARMLESS))]
    if not done:
        return Effort.plan
    slow = any(word in line.upper() for line in done for word in SLOW)
    return Effort.supervise if slow else Effort.paste


def points(overview: Overview) -> list[Point]:
    """Return everything to review, in the order in which to work."""
    found = (
        Point(view.name, verdict.finding, subject.evidence, subject.since)
        for view, verdict, subject in Summary(overview).reviews
    )
    return sorted(found, key=lambda point: point.order)


def not_judged(overview: Overview) -> Iterator[tuple[Judged, Verdict]]:
    """Yield the reviews that are unknown, and not only for want of settings or time.

    Checks of one's own are told whatever their kind: that of a file that can't be read is not
    known, and a broken one must be noticed before it is needed.
    """
    for view in overview.judged:
        for verdict in view.verdicts.values():
            is_told = verdict.finding.is_review or isinstance(verdict.finding, OwnFinding)
            if is_told and _is_blind(verdict):
                yield view, verdict


def may_be_young(overview: Overview) -> Iterator[tuple[Judged, Verdict, str, Evidence]]:
    """Yield what reviews see and can't tell the age of, with the reason."""
    for view in overview.judged:
        for verdict in view.verdicts.values():
            for one in verdict.unjudged if verdict.finding.is_review else ():
                if one.seen is not None:
                    yield view, verdict, one.reason, one.seen


def _is_blind(verdict: Verdict) -> bool:
    blind = any(one.until is None and not one.setting for one in verdict.unjudged)
    return blind and verdict.state is not State.not_applicable


def is_judged(overview: Overview, server: str | None, finding: str) -> bool:
    """Whether a finding was judged, so that what is absent from it is gone.

    Without a server: on all that it is about, since it may be that of any.
    """
    found = [
        verdict
        for view in overview.judged
        if server in (None, view.name)
        for verdict in (view.verdicts.get(finding),)
        if verdict is not None and verdict.state is not State.not_applicable
    ]
    return bool(found) and not any(
        verdict.unjudged or verdict.state is State.unknown for verdict in found
    )
