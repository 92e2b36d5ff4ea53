"""Ill subjects with a measured value on the page: the worst few, and they don't flicker."""

from alerts.verdicts.verdict import Subject, Verdict
from monitor.exposition.top_n import sticky

WORST = 10

Identity = tuple[str, str]


def worst_subjects(
    verdict: Verdict, before: frozenset[Identity], worst: int = WORST
) -> tuple[Subject, ...]:
    """The worst subjects; one shown before keeps its place against one hardly worse."""
    ranked = [subject.evidence.identity for subject in verdict.subjects]
    chosen = sticky(ranked, before, worst)
    return tuple(s for s in verdict.subjects if s.evidence.identity in chosen)
