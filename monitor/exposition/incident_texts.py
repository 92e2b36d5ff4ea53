"""Texts of each incident: rewritten seldom, since each new text is a new series."""

from dataclasses import dataclass, field, replace

from alerts._base import AnyFinding, Evidence, Severity
from alerts.cure_line import LONGEST, console_lines, one_line
from alerts.raw_text import shown
from alerts.units import moment_text
from alerts.verdicts.incident import OTHERS, Incident, culprit_id
from alerts.verdicts.places import PLACES, Identity
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind

REWRITE = 300.0
"""Seconds for which a text stays as it is, unless the severity changes or its subject is well."""
Key = tuple[str, str | None, str]
"""Finding, database and id of an incident."""


@dataclass(frozen=True, slots=True)
class IncidentText:
    written: float
    """Unix seconds."""
    severity: Severity | None
    about: Identity | None
    """The subject that it names."""
    subject: str
    message: str
    cure: str
    culprit: str = ""
    """As of its first text: an alert whose labels change is another one."""


@dataclass(slots=True)
class IncidentTexts:
    """The texts of one server's incidents as they were last written."""

    texts: dict[Key, IncidentText] = field(default_factory=dict)

    def of(self, verdict: Verdict, incident: Incident) -> IncidentText:
        """The text of an incident: the one that stands, or a new one where it is time."""
        key = (verdict.finding.name, incident.database, incident.id)
        old = self.texts.get(key)
        if old is None or _outdated(old, incident, verdict.at):
            new = _written(incident, verdict)
            culprit = old.culprit if old else culprit_id(incident)
            old = self.texts[key] = replace(new, culprit=culprit)
        return old

    def forget(self, finding: str, kept: set[Key]) -> None:
        """Forget what was told of incidents of a finding that are over."""
        for key in [key for key in self.texts if key[0] == finding and key not in kept]:
            del self.texts[key]


def own_name(evidence: Evidence) -> str:
    """The subject within its database, which has a label of its own."""
    return evidence.subject.removeprefix(f"{evidence.database}: ")


def _outdated(old: IncidentText, incident: Incident, at: float) -> bool:
    return (
        at - old.written >= REWRITE
        or old.severity is not _severity(incident)
        or old.about not in (*(s.evidence.identity for s in incident.subjects), None)
    )


def _severity(incident: Incident) -> Severity | None:
    return max(incident.values, key=lambda severity: severity.rank, default=None)


def _written(incident: Incident, verdict: Verdict) -> IncidentText:
    at, severity = verdict.at, _severity(incident)
    if incident.id == OTHERS:
        said = f"These are beyond the {PLACES} that have an alert of their own."
        return IncidentText(at, severity, None, OTHERS, said, "")
    worst, more = incident.subjects[0], len(incident.subjects) - 1
    evidence = worst.evidence
    message = f"{evidence.message} Since {moment_text(worst.since)}."
    return IncidentText(
        at,
        severity,
        evidence.identity,
        shortened(_named(evidence, incident)),
        shortened(message, f" And {more} more." if more else ""),
        cure_text(verdict.finding, evidence.cure),
    )


def cure_text(finding: AnyFinding, cure: tuple[str, ...]) -> str:
    """Return the cure in the form that can be pasted: for a server, or for a pooler's console."""
    return (console_lines if finding.of is Kind.pgbouncer else one_line)(cure)


def _named(evidence: Evidence, incident: Incident) -> str:
    """The subject, with its database where no label says it."""
    if incident.database or not evidence.database:
        return own_name(evidence)
    return f"{evidence.database}: {own_name(evidence)}"


def shortened(text: str, end: str = "") -> str:
    """At most as long as a label may be, in bytes; what is left out is shown by an ellipsis."""
    room = LONGEST - len(end.encode())
    text = shown(text)
    whole = text.encode("utf-8", "replace")
    if len(whole) > room:
        whole = whole[: room - 3]
        return whole.decode("utf-8", "ignore") + "…" + end
    return text + end
