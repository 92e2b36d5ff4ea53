"""Grouping of consequences under their cause, for display; counts and states don't change."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerts._base import Reach
from alerts.verdicts.verdict import Subject, Verdict

Extent = tuple[str, str | None, str | None]
"""A finding and the reach of a cause: database and object; None means all."""


@dataclass(frozen=True, slots=True)
class Folded:
    """An ill subject, with what it explains."""

    verdict: Verdict
    subject: Subject
    consequences: tuple["Folded", ...] = ()

    @property
    def rank(self) -> int:
        return self.subject.evidence.severity.rank


def fold(verdicts: Iterable[Verdict]) -> tuple[Folded, ...]:
    """Return all ill subjects of one server once: at the top, or under their cause.

    A cause of server scope explains all findings of its server; a cause of an object explains only
    those of the same object in the same database. What names one database explains nothing in
    another, whatever its scope. A cause never hides a higher severity.
    """
    cases = [Folded(verdict, subject) for verdict in verdicts for subject in verdict.subjects]
    causes: dict[Extent, list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        causes[_reach(case)].append(index)
    above: dict[int, int] = {}
    for index, case in enumerate(cases):
        fitting = (
            cause
            for cause in _causes_of(case, causes)
            if cases[cause].rank >= case.rank
            and not _is_elsewhere(cases[cause], case)
            and not _is_above(index, cause, above)
        )
        if (cause := next(fitting, None)) is not None:
            above[index] = cause
    return _nested(cases, above)


def _reach(case: Folded) -> Extent:
    finding, evidence = case.verdict.finding, case.subject.evidence
    if finding.scope is Reach.database:
        return finding.name, evidence.database, evidence.object
    return finding.name, None, None


def _causes_of(case: Folded, causes: dict[Extent, list[int]]) -> Iterator[int]:
    finding, evidence = case.verdict.finding, case.subject.evidence
    if not evidence.is_consequence:
        return
    exactly = evidence.database, evidence.object
    where = dict.fromkeys([exactly, (evidence.database, None), (None, None)])
    for name in finding.because:
        for database, thing in where:
            yield from causes.get((name, database, thing), ())


def _is_elsewhere(cause: Folded, effect: Folded) -> bool:
    """Return True if both name a database or a culprit, and not the same one."""
    other, own = cause.subject.evidence, effect.subject.evidence
    if other.culprit and own.culprit and other.culprit != own.culprit:
        return True
    return None not in (other.database, own.database) and other.database != own.database


def _is_above(index: int, other: int | None, above: dict[int, int]) -> bool:
    """Return True if a case is another one or its ancestor, so that cyclic causes hide nothing."""
    while other is not None:
        if other == index:
            return True
        other = above.get(other)
    return False


def _nested(cases: list[Folded], above: dict[int, int]) -> tuple[Folded, ...]:
    below: dict[int | None, list[int]] = defaultdict(list)
    for index in range(len(cases)):
        below[above.get(index)].append(index)

    def under(cause: int | None) -> tuple[Folded, ...]:
        return tuple(
            Folded(cases[index].verdict, cases[index].subject, under(index))
            for index in below[cause]
        )

    return under(None)
