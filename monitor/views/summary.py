"""What a person wants to know first: the overview put in order, for the page and the report."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from alerts._base import Severity, Shape, State
from alerts.verdicts.causes import Folded, fold
from alerts.verdicts.verdict import Subject, Verdict
from monitor.views.overview import Overview, ServerView


@dataclass(frozen=True, slots=True)
class Card:
    """The ill subjects of one finding on one server that have one severity."""

    server: str
    verdict: Verdict
    severity: Severity
    cases: tuple[Folded, ...]


@dataclass(frozen=True, slots=True)
class Blind:
    """One reason why some findings of a server are not judged, and what would help."""

    server: str
    reason: str
    grant: str | None
    until: float | None
    verdicts: tuple[Verdict, ...]
    count: int
    """Objects, over all these findings."""


@dataclass(frozen=True)
class Summary:
    """An overview in the order in which it is read."""

    overview: Overview
    folded: bool = True
    """Whether consequences stand under their cause."""

    @cached_property
    def cards(self) -> list[Card]:
        """Worst first, and what goes on before what has happened; consequences stand inside."""
        groups: dict[tuple[Severity, str, str], list[Folded]] = defaultdict(list)
        for view in self.overview.servers:
            for case in self._cases(view):
                severity = case.subject.evidence.severity
                groups[severity, view.name, case.verdict.finding.name].append(case)
        cards = [
            Card(server, cases[0].verdict, severity, tuple(cases))
            for (severity, server, _), cases in groups.items()
        ]
        return sorted(cards, key=_urgency)

    def cards_of(self, severity: Severity) -> list[Card]:
        return [card for card in self.cards if card.severity is severity]

    @cached_property
    def unknown(self) -> list[Blind]:
        return list(self._blind(learning=False))

    @cached_property
    def learning(self) -> list[Blind]:
        return list(self._blind(learning=True))

    @cached_property
    def muted(self) -> list[tuple[ServerView, Verdict, Subject]]:
        return [
            (view, verdict, subject)
            for view, verdict in self._verdicts()
            for subject in verdict.muted
        ]

    @cached_property
    def not_applicable(self) -> list[tuple[ServerView, list[Verdict]]]:
        found = [
            (view, [v for v in view.verdicts.values() if v.state is State.not_applicable])
            for view in self.overview.servers
        ]
        return [(view, verdicts) for view, verdicts in found if verdicts]

    def by_severity(self, severity: Severity) -> int:
        """Verdicts whose worst subject, held ones included, is of that severity."""
        return sum(verdict.severity is severity for _, verdict in self._verdicts())

    def by_state(self, state: State) -> int:
        return sum(verdict.state == state for _, verdict in self._verdicts())

    @cached_property
    def down(self) -> list[ServerView]:
        return [view for view in self.overview.servers if not view.up]

    def _cases(self, view: ServerView) -> Iterable[Folded]:
        verdicts = view.verdicts.values()
        if self.folded:
            return fold(verdicts)
        return (Folded(verdict, subject) for verdict in verdicts for subject in verdict.subjects)

    def _verdicts(self) -> Iterator[tuple[ServerView, Verdict]]:
        for view in self.overview.servers:
            for verdict in view.verdicts.values():
                yield view, verdict

    def _blind(self, *, learning: bool) -> Iterator[Blind]:
        """Reasons, each once a server, though many findings share it."""
        groups: dict[tuple[str, str, str | None, float | None], dict[str, Verdict]] = {}
        counts: dict[tuple[str, str, str | None, float | None], int] = defaultdict(int)
        for view, verdict in self._verdicts():
            for one in verdict.unjudged:
                if (one.until is not None) is learning:
                    place = (view.name, one.reason, one.grant, one.until)
                    groups.setdefault(place, {})[verdict.finding.name] = verdict
                    counts[place] += one.count
        for place, verdicts in groups.items():
            yield Blind(*place, tuple(verdicts.values()), counts[place])


def _urgency(card: Card) -> tuple[int, bool]:
    is_past = card.verdict.finding.shape is Shape.event
    return -card.severity.rank, is_past
