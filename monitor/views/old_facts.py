"""Old facts: verdicts that stand on answers which should have been renewed since."""

from collections.abc import Iterable, Mapping

from alerts.verdicts.verdict import Verdict

MISSED = 2.0
"""Facts are old after this many paces of their collector,"""
AT_LEAST = 5.0
"""but not before this many seconds."""


def old_facts(
    verdicts: Iterable[Verdict], paces: Mapping[str, float], now: float
) -> frozenset[str]:
    """Return the findings with old facts, by the set paces (seconds) of collectors."""
    return frozenset(
        verdict.finding.name
        for verdict in verdicts
        if any(now - at > _life(paces.get(name, 0.0)) for name, at in verdict.facts.items())
    )


def _life(pace: float) -> float:
    return max(AT_LEAST, MISSED * pace)
