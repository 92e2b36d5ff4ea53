"""Places: the ill subjects with an alert of their own; a subject keeps its place until it ends."""

from collections.abc import Iterable, Mapping

from alerts._base import AlertedBy, AnyFinding, Evidence, Severity
from alerts.history.memory import Json

PLACES = 10
"""Number of subjects of a finding with their own alert, by severity; the others are counted."""

Identity = tuple[str, str]
Places = Mapping[Severity, tuple[Identity, ...]]
"""Identities with an alert of their own, by severity."""


def places(finding: AnyFinding, ill: Iterable[Evidence], before: Places) -> Places:
    """Fill free places with the worst of `ill`, which is ordered worst first.

    A subject never loses its place to a worse one; otherwise the end of an incident would make
    an old one page again.
    """
    if finding.is_review or finding.alerted_by is not AlertedBy.subject:
        return {}
    worst_first = list(ill)
    return {severity: _placed(severity, worst_first, before) for severity in finding.severities}


def as_json(given: Places) -> Json:
    """Convert places to JSON values for the state file."""
    return {severity.value: [list(one) for one in of] for severity, of in given.items()}


def from_json(plain: Json) -> Places:
    """Convert JSON values back to places; invalid ones are dropped."""
    known = plain if isinstance(plain, dict) else {}
    return {severity: tuple(_identities(known.get(severity.value))) for severity in Severity}


def _identities(plain: Json) -> Iterable[Identity]:
    for one in plain if isinstance(plain, list) else []:
        if isinstance(one, list) and len(one) == 2:
            yield str(one[0]), str(one[1])


def _placed(severity: Severity, ill: list[Evidence], before: Places) -> tuple[Identity, ...]:
    there = [one.identity for one in ill if one.severity.rank >= severity.rank]
    kept = [identity for identity in before.get(severity, ()) if identity in there]
    new = [identity for identity in there if identity not in kept]
    return (*kept, *new[: PLACES - len(kept)])
