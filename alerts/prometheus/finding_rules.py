"""The rules of one finding, one per severity. The daemon has judged; they carry the verdict."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from alerts._base import AlertedBy, AnyFinding, Severity, Shape, State
from alerts.prometheus.annotations import cure, description, summary
from alerts.prometheus.own_metrics import (
    FINDING_DATABASE_SUBJECTS,
    FINDING_EVENTS,
    FINDING_STATE,
    FINDING_SUBJECT,
    FINDING_SUBJECTS,
)
from alerts.prometheus.promql import one_of, select, wherever
from alerts.prometheus.rule import Rule, alert_name
from alerts.units import limit_text
from collectors._base import Lane

Paces = Mapping[Lane, timedelta]

RESTART = timedelta(minutes=2)
"""A daemon that starts has judged everything after so long. No alert ends because of a restart,
or of one scrape that failed."""


def finding_rules(finding: AnyFinding, paces: Paces) -> Iterator[Rule]:
    """Worst first; Alertmanager silences the milder ones while a worse one fires."""
    for severity in sorted(finding.severities, key=lambda s: s.rank, reverse=True):
        severities = at_or_above(finding, severity)
        yield Rule(
            alert=alert_name(finding.name),
            expr=expression(finding, severity),
            severity=severity,
            summary=summary(finding, severities),
            description=description(finding, severities),
            cure=cure(finding, severities),
            runbook=finding.name,
            keep_firing=keep_firing(finding, paces),
        )


def at_or_above(finding: AnyFinding, severity: Severity) -> list[Severity]:
    return [s for s in finding.severities if s.rank >= severity.rank]


def keep_firing(finding: AnyFinding, paces: Paces) -> timedelta:
    """Two paces of the slowest lane that it reads."""
    slowest = max((paces[collector.lane] for collector in finding.reads), default=RESTART)
    return max(2 * slowest, RESTART)


def expression(finding: AnyFinding, severity: Severity) -> str:
    if finding.alerted_by is AlertedBy.subject:
        return _by_subject(finding, severity)
    if finding.alerted_by is AlertedBy.database:
        return _any_subjects(FINDING_DATABASE_SUBJECTS, finding, severity)
    now = _any_subjects(FINDING_SUBJECTS, finding, severity)
    mildest = min(finding.severities, key=lambda s: s.rank)
    if finding.shape is Shape.event and severity is mildest:
        return f"{now}\nor\n{_has_happened(finding)}"
    return now


def _by_subject(finding: AnyFinding, severity: Severity) -> str:
    # Whatever the value: the series is there while the subject is ill.
    severities = one_of(at_or_above(finding, severity))
    return wherever(select(FINDING_SUBJECT, finding=finding.name, severity=severities), "severity")


def _any_subjects(metric: Any, finding: AnyFinding, severity: Severity) -> str:
    return wherever(select(metric, finding=finding.name, severity=severity), "severity") + " > 0"


def _has_happened(finding: AnyFinding) -> str:
    """Counted just before a restart, after which no occurrence is known; unless it was muted."""
    events = select(FINDING_EVENTS, finding=finding.name)
    muted = select(FINDING_STATE, finding=finding.name, state=State.muted)
    return (
        f"{wherever(f'increase({events}[{limit_text(finding.linger)}])')} > 0\n"
        f"unless {wherever(muted, 'state')} == 1"
    )
