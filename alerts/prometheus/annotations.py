"""What a page says: who is ill and how badly, why it matters, and what to do now."""

import sys
from collections.abc import Iterable, Mapping

from alerts._base import AlertedBy, AnyFinding, Severity, Shape
from alerts.prometheus.own_metrics import FINDING_CURE, FINDING_SUBJECT
from alerts.prometheus.promql import Same, one_of, select
from alerts.prometheus.template_queries import each, first

SHOWN = 10
SCRAPED_FROM = ("job", "namespace")
"""With the server's name, what tells one server from another of the same name."""

BEYOND_SERVER: Mapping[AlertedBy, tuple[str, ...]] = {
    AlertedBy.server: (),
    AlertedBy.database: ("database",),
    AlertedBy.subject: ("database", "subject"),
}
"""Labels that an alert has besides."""

HUMANE = {
    "seconds": "{{ .Value | humanizeDuration }}",
    "bytes": "{{ .Value | humanize1024 }}B",
    "share": "{{ .Value | humanizePercentage }}",
    "ratio": "{{ .Value | humanizePercentage }}",
}
"""How a value is written, by the finding's unit; others are a number and the unit's name."""

IN_THE_RUNBOOK = "Nothing is known of it any more; the runbook says how to make sure."


def summary(finding: AnyFinding, severities: Iterable[Severity]) -> str:
    """One line, all that a telephone shows: what, where, and the worst of it."""
    where = {
        AlertedBy.server: "",
        # What is of no single database, such as a shared catalogue, has an empty one.
        AlertedBy.database: "{{ with $labels.database }}, in {{ . }}{{ end }}",
        AlertedBy.subject: ": {{ $labels.subject }}",
    }[finding.alerted_by]
    name = "" if finding.alerted_by is AlertedBy.subject else ": {{ .Labels.subject }}"
    worst = first(
        f"topk(1, {subjects(finding, severities)})",
        carried(finding),
        f"{name} ({measured(finding.unit)})",
    )
    return f"{finding.title} on {{{{ $labels.server }}}}{where}{worst}"


def description(finding: AnyFinding, severities: Iterable[Severity]) -> str:
    """Why it matters, and the worst subjects of these severities."""
    return why(finding) + each(
        f"topk({SHOWN}, {subjects(finding, severities)})",
        carried(finding),
        "Last occurrences:" if finding.shape is Shape.event else "Worst:",
        f"{subject(finding)}: {measured(finding.unit)}",
    )


def cure(finding: AnyFinding, severities: Iterable[Severity]) -> str:
    """What cures the worst subject, in one line; those of the others are on the runbook's page."""
    same = carried(finding)
    cures = select(FINDING_CURE, finding=finding.name, **{label: Same() for label in same})
    return first(
        f"topk(1, max by (database, subject, cure) ({cures})"
        f" * on (database, subject) group_left () {subjects(finding, severities)})",
        [*same, *same],
        f"{subject(finding)}: {{{{ .Labels.cure }}}}",
        otherwise=IN_THE_RUNBOOK,
    )


def why(finding: AnyFinding) -> str:
    """The sentence that the finding's own file begins with."""
    text = sys.modules[finding.judge.__module__].__doc__ or finding.title
    return " ".join(text.strip().partition("\n\n")[0].split())


def carried(finding: AnyFinding) -> list[str]:
    """Labels of an alert by which a question finds what it is about."""
    return [*SCRAPED_FROM, "server", *BEYOND_SERVER[finding.alerted_by]]


def subjects(finding: AnyFinding, severities: Iterable[Severity]) -> str:
    """Asks for the subjects of an alert and their values."""
    same = {label: Same() for label in carried(finding)}
    known = select(FINDING_SUBJECT, finding=finding.name, severity=one_of(severities), **same)
    return f"max by (database, subject) ({known})"


def subject(finding: AnyFinding) -> str:
    """Its name, and its database unless the alert has said that."""
    said = finding.alerted_by is not AlertedBy.server
    where = "" if said else "{{ with .Labels.database }} (database {{ . }}){{ end }}"
    return "{{ .Labels.subject }}" + where


def measured(unit: str) -> str:
    """A value in that unit."""
    number = "{{ .Value | humanize }}"
    one, plural = unit.removesuffix("s"), "{{ if ne .Value 1.0 }}s{{ end }}"
    counted = f" {one}{plural if one != unit else ''}" if unit else ""
    return HUMANE.get(unit, number + counted)
