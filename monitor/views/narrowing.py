"""Overviews narrowed to some findings, or to severities from one on."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from alerts._base import Severity, State
from alerts.verdicts.verdict import Verdict
from monitor.views.overview import Overview


def narrowed(
    overview: Overview, findings: Collection[str] = (), severity: Severity | None = None
) -> Overview:
    """Return the overview with these findings only, less what is milder than the severity.

    What could not be judged stays, because it could be as severe. The headline says what was left.
    """
    only = ", ".join(findings)
    if severity:
        only += (" of " if only else "") + f"severity {severity} or worse"

    def kept(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
        chosen = (v for name, v in verdicts.items() if not findings or name in findings)
        return {v.finding.name: _severe(v, severity) for v in chosen if not _is_milder(v, severity)}

    return replace(
        overview,
        servers=tuple(
            replace(v, verdicts=kept(v.verdicts), unread=() if findings else v.unread)
            for v in overview.servers
        ),
        targets=tuple(replace(v, verdicts=kept(v.verdicts)) for v in overview.targets),
        narrowed_to=only,
    )


def _is_milder(verdict: Verdict, severity: Severity | None) -> bool:
    """Whether it is ill, and judged completely, but nowhere as severe."""
    if severity is None or verdict.severity is None or verdict.unjudged:
        return False
    return verdict.severity.rank < severity.rank


def _severe(verdict: Verdict, severity: Severity | None) -> Verdict:
    if severity is None:
        return verdict
    subjects = tuple(s for s in verdict.subjects if s.evidence.severity.rank >= severity.rank)
    if verdict.state is State.ill and not subjects:
        blind = any(one.until is None for one in verdict.unjudged)
        state = State.unknown if blind else State.learning
        return replace(verdict, subjects=(), state=state)
    return replace(verdict, subjects=subjects)
