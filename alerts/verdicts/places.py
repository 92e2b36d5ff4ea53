"""Places: which ill subjects have an alert of their own. One that was given is kept for life."""

from collections.abc import Iterable, Mapping

from alerts._base import AlertedBy, AnyFinding, Evidence, Severity
from alerts.history.memory import Json

PLACES = 10
"""How many subjects of a finding are alerts of their own, per severity; the rest is counted."""

Identity = tuple[str, str]
Places = Mapping[Severity, tuple[Identity, ...]]
"""Per severity the identities that have an alert of their own."""


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
    """Places for the state file."""
    return {severity.value: [list(one) for one in of] for severity, of in given.items()}


def from_json(plain: Json) -> Places:
    """The inverse of `as_json`; what can't be read is no place."""
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
