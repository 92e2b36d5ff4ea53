"""What a page says: who is ill, why it matters, and the worst subjects as Prometheus knows them."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from alerts._base import AlertedBy, Finding, Severity, Shape
from alerts.own_metrics import FINDING_SUBJECT
from alerts.promql import Same, one_of, select

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


def summary(finding: Finding[Any]) -> str:
    """One line; a page's subject."""
    if finding.alerted_by is AlertedBy.subject:
        return f"{finding.title} on {{{{ $labels.server }}}}: {{{{ $labels.subject }}}}"
    if finding.alerted_by is AlertedBy.database:
        return f"{finding.title} on {{{{ $labels.server }}}}, in {{{{ $labels.database }}}}"
    return f"{finding.title} on {{{{ $labels.server }}}}"


def description(finding: Finding[Any], severities: Iterable[Severity]) -> str:
    """Why it matters, and the worst subjects of these severities."""
    return f"{why(finding)}{worst(finding, severities)}"


def why(finding: Finding[Any]) -> str:
    """The sentence that the finding's own file begins with."""
    text = sys.modules[finding.judge.__module__].__doc__ or finding.title
    return " ".join(text.strip().partition("\n\n")[0].split())


def worst(finding: Finding[Any], severities: Iterable[Severity]) -> str:
    """Asks for the subjects and their values, worst first; nothing where nothing is known."""
    alike = [*SCRAPED_FROM, "server", *BEYOND_SERVER[finding.alerted_by]]
    subjects = select(
        FINDING_SUBJECT,
        finding=finding.name,
        severity=one_of(severities),
        **{label: Same() for label in alike},
    )
    heading = "Last occurrences:" if finding.shape is Shape.event else "Worst:"
    said = "database" in alike
    where = "" if said else "{{ with .Labels.database }} (database {{ . }}){{ end }}"
    return each(
        f"topk({SHOWN}, max by (database, subject) ({subjects}))",
        alike,
        heading,
        f"{{{{ .Labels.subject }}}}{where}: {HUMANE.get(finding.unit, number(finding.unit))}",
    )


def each(question: str, alike: Iterable[str], heading: str, line: str, sorted_by: str = "") -> str:
    """A list with a line for every answer; each `Same` label is filled in, hostile or not.

    Answers come as the question orders them; where it does not, by a label.
    """
    order = f' | sortByLabel "{sorted_by}"' if sorted_by else ""
    arguments = " ".join(f"$labels.{label}" for label in alike)
    return (
        f"\n{{{{- with printf `{question}` {arguments} | query{order} }}}}"
        f"\n{heading}\n{{{{- range . }}}}\n- {line}\n{{{{- end }}}}\n{{{{- end }}}}"
    )


def number(unit: str) -> str:
    return "{{ .Value | humanize }}" + (f" {unit}" if unit else "")
