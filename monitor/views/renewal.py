"""Renewal of verdicts: until when all are recent enough, and which are overdue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alerts._base import AnyFinding, State
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector
from monitor.polling.answers import AT_LEAST, SHELF_LIFE

NOT_EXPECTED = (State.unknown, State.not_applicable)
"""States without new verdicts; missing answers are reported by the finding `observer_blind`."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """Renewal of the verdicts of one server. Times are unix seconds."""

    until: float | None = None
    """When the first verdict will be overdue, or was; None if none is expected."""
    overdue: Mapping[str, float] = field(default_factory=dict)
    """When each finding that is overdue now was last judged, by its name."""


NOTHING_EXPECTED = Renewal()


def renewal(
    verdicts: Iterable[Verdict], paces: Mapping[AnyCollector, float], now: float
) -> Renewal:
    """Return until when the verdicts are recent enough, by the paces (seconds) of collectors.

    An answer that is not renewed is removed at the same age, and its findings are judged then.
    """
    expected = [one for one in verdicts if one.state not in NOT_EXPECTED]
    due = [(one.at + _lifetime(one.finding, paces), one) for one in expected]
    return Renewal(
        min((until for until, _ in due), default=None),
        {one.finding.name: one.at for until, one in due if until < now},
    )


def _lifetime(finding: AnyFinding, paces: Mapping[AnyCollector, float]) -> float:
    slowest = max((paces[collector] for collector in finding.reads), default=0.0)
    return max(AT_LEAST, SHELF_LIFE * slowest)
