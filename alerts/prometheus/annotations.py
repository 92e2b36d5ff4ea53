"""Annotations of alerts: summary, description and cure, as Go templates."""

from collections.abc import Mapping

from alerts._base import AlertedBy, AnyFinding
from alerts.prometheus.own_metrics import INCIDENT_INFO
from alerts.prometheus.promql import Same, select
from alerts.prometheus.template_queries import answered
from alerts.verdicts.incident import OTHERS

SCRAPED_FROM = ("job", "namespace")
"""With the server's name, what tells one server from another of the same name."""

BEYOND_SERVER: Mapping[AlertedBy, tuple[str, ...]] = {
    AlertedBy.server: (),
    AlertedBy.database: ("database",),
    AlertedBy.subject: ("database", "incident"),
}
"""Labels that an alert has besides."""

HUMANE = {
    "seconds": "{{ $value | humanizeDuration }}",
    "bytes": "{{ $value | humanize1024 }}B",
    "share": "{{ $value | humanizePercentage }}",
    "ratio": "{{ $value | humanizePercentage }}",
}
"""Format of a value by the finding's unit; other units are a number and the unit's name."""

REMEMBERED = "1h"
"""How long texts are used after the daemon fell silent: as long as the incident is held."""


def summary(finding: AnyFinding) -> str:
    """Return the summary: finding, server and value, on one line."""
    # What is of no single database, such as a shared catalogue, has an empty one.
    in_database = "{{ with $labels.database }}, in {{ . }}{{ end }}"
    where = "" if finding.alerted_by is AlertedBy.server else in_database
    who = _told(finding, "subject", ": {{ . }}") + f" ({measured(finding.unit)})"
    if finding.alerted_by is AlertedBy.subject:
        rest = ": {{ $value }} more"
        who = f'{{{{ if eq $labels.incident "{OTHERS}" }}}}{rest}{{{{ else }}}}{who}{{{{ end }}}}'
    return f"{finding.title} on {{{{ $labels.server }}}}{where}{who}"


def description(finding: AnyFinding) -> str:
    """Return the description: the sentence with numbers, since when, and why it matters."""
    return _told(finding, "message", "{{ . }}\n") + finding.why


def cure(finding: AnyFinding) -> str:
    """Return the cure of the worst subject, on one line; others are on the finding's page."""
    return _told(finding, "cure", "{{ . }}")


def carried(finding: AnyFinding) -> list[str]:
    """Labels of an alert by which a question finds what it is about."""
    return [*SCRAPED_FROM, "server", *BEYOND_SERVER[finding.alerted_by]]


def _told(finding: AnyFinding, label: str, words: str) -> str:
    """Words about what the newest text of the incident has as that label."""
    same = carried(finding)
    info = select(INCIDENT_INFO, finding=finding.name, **{name: Same() for name in same})
    question = f"topk(1, last_over_time({info}[{REMEMBERED}]))"
    return answered(question, same, label, words)


def measured(unit: str) -> str:
    """The value in that unit."""
    return HUMANE.get(unit, "{{ $value | humanize }}" + (f" {counted(unit)}" if unit else ""))


def counted(plural: str) -> str:
    """Return the noun of a count, which is one or many."""
    one = singular(plural)
    if plural == one:
        return one
    if plural.startswith(one):
        return f"{one}{{{{ if ne $value 1.0 }}}}{plural.removeprefix(one)}{{{{ end }}}}"
    return f"{{{{ if eq $value 1.0 }}}}{one}{{{{ else }}}}{plural}{{{{ end }}}}"


def singular(plural: str) -> str:
    """Return one of these; what does not end in an s is of any number."""
    if plural.endswith("ies"):
        return plural.removesuffix("ies") + "y"
    doubled = plural.endswith(("shes", "sses", "xes"))
    return plural.removesuffix("es" if doubled else "s")
