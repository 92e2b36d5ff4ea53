"""Incident: one alert. Its id does not change with restarts or wording."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from alerts._base import AlertedBy, AnyFinding, Evidence, Severity
from alerts.verdicts.verdict import Subject, Verdict

OTHERS = "others"
"""Replaces the id on the series that counts subjects without an alert of their own."""
Subjects = tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """One alert, at each of its severities."""

    id: str
    """16 hexadecimal digits; empty where a server or a database is the incident."""
    database: str | None
    values: Mapping[Severity, float]
    """By severity, the value of the worst subject at or above it; for others, their number."""
    subjects: Subjects = ()
    """Its subjects, worst first; empty if it only counts others."""


def incident_id(system_identifier: str | None, finding: str, evidence: Evidence) -> str:
    """Return an id that stays the same over restarts, failovers and changed wording."""
    parts = (system_identifier or "", finding, *evidence.identity)
    return _digest("\x00".join(parts))


def culprit_id(incident: Incident) -> str:
    """Return an id that findings of the same culprit share; empty where none is named."""
    if not incident.id or len(incident.subjects) != 1:
        return ""
    culprit = incident.subjects[0].evidence.culprit
    return _digest(culprit) if culprit else ""


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def incidents(verdict: Verdict, system_identifier: str | None) -> Iterator[Incident]:
    """Return the incidents of the ill subjects of a verdict."""
    finding, ill = verdict.finding, verdict.subjects
    if finding.alerted_by is AlertedBy.subject:
        yield from _of_subjects(verdict, system_identifier)
    elif finding.alerted_by is AlertedBy.database:
        for database in dict.fromkeys(subject.evidence.database for subject in ill):
            there = tuple(s for s in ill if s.evidence.database == database)
            yield Incident("", database, _worst_values(finding, there), there)
    elif ill:
        yield Incident("", None, _worst_values(finding, ill), ill)


def _of_subjects(verdict: Verdict, system_identifier: str | None) -> Iterator[Incident]:
    finding, others = verdict.finding, dict.fromkeys(verdict.finding.severities, 0)
    for subject in verdict.subjects:
        evidence, values = subject.evidence, {}
        for severity in _reached(finding, evidence):
            if evidence.identity in verdict.places.get(severity, ()):
                values[severity] = evidence.value
            else:
                others[severity] += 1
        if values:
            which = incident_id(system_identifier, finding.name, evidence)
            yield Incident(which, evidence.database, values, (subject,))
    if counted := {severity: float(count) for severity, count in others.items() if count}:
        yield Incident(OTHERS, None, counted)


def _worst_values(finding: AnyFinding, ill: Subjects) -> dict[Severity, float]:
    values: dict[Severity, float] = {}
    for subject in ill:
        for severity in _reached(finding, subject.evidence):
            values.setdefault(severity, subject.evidence.value)
    return values


def _reached(finding: AnyFinding, evidence: Evidence) -> list[Severity]:
    """Return the declared severities up to that of the subject."""
    return [s for s in finding.severities if s.rank <= evidence.severity.rank]
