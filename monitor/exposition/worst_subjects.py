"""Which ill subjects have a series of their own: the worst few, and they don't come and go."""

from alerts._base import AlertedBy
from alerts.verdicts.verdict import Subject, Verdict
from monitor.exposition.top_n import sticky

WORST = 10
BY_SUBJECT = 100
"""Where each subject is an alert of its own, they are few; one that is missing would be silent."""

Identity = tuple[str, str]


def worst_subjects(
    verdict: Verdict, before: frozenset[Identity], worst: int = WORST
) -> tuple[Subject, ...]:
    """The worst subjects; one shown before keeps its place against one hardly worse."""
    by_subject = verdict.finding.alerted_by is AlertedBy.subject
    top = max(BY_SUBJECT, worst) if by_subject else worst
    ranked = [subject.evidence.identity for subject in verdict.subjects]
    chosen = sticky(ranked, before, top)
    return tuple(s for s in verdict.subjects if s.evidence.identity in chosen)
