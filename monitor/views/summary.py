"""Summary of an overview: findings grouped and sorted by severity, for pages and reports."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from alerts._base import Severity, Shape, State
from alerts.plural import plural
from alerts.verdicts.causes import Folded, fold
from alerts.verdicts.verdict import Subject, Verdict
from monitor.views.overview import Judged, Overview, ServerView
from monitor.views.unread import Unread

WORD = re.compile(r"[^\s,:;()\"']+")
NAMED = 3
"""Databases that are named where a reason holds in several."""
Key = tuple[str, str, str | None, float | None]
"""Server, reason, grant and until."""


@dataclass(frozen=True, slots=True)
class Card:
    """The ill subjects of one finding on one server, less those under their cause."""

    server: str
    verdict: Verdict
    cases: tuple[Folded, ...]
    is_old: bool = False
    """Whether its facts should have been renewed since."""

    @property
    def severity(self) -> Severity:
        """The severity by which the finding is counted: the worst of all its subjects."""
        assert self.verdict.severity is not None
        return self.verdict.severity


@dataclass(frozen=True, slots=True)
class Blind:
    """A reason why findings of a server could not be judged, and the grant that would help."""

    server: str
    reason: str
    grant: str | None
    until: float | None
    verdicts: tuple[Verdict, ...]
    count: int
    """Number of objects, over all these findings."""
    databases: tuple[str, ...] = ()
    """Those that it is about; empty where it is about the server."""

    @property
    def where(self) -> str:
        """Return the databases that the reason does not name itself."""
        words = frozenset(WORD.findall(self.reason))
        names = [name for name in self.databases if name not in words]
        more = f" and {plural(len(names) - NAMED, 'more database')}" if len(names) > NAMED else ""
        return f"in {', '.join(names[:NAMED])}{more}" if names else ""


@dataclass(frozen=True)
class Summary:
    """An overview grouped for reading."""

    overview: Overview
    folded: bool = True
    """Whether consequences are shown under their cause."""

    @cached_property
    def cards(self) -> list[Card]:
        """Cards by severity, ongoing conditions before past events; causes contain consequences."""
        groups: dict[tuple[str, str], list[Folded]] = defaultdict(list)
        for view in self.overview.judged:
            for case in self._cases(view):
                groups[view.name, case.verdict.finding.name].append(case)
        old = {(view.name, name) for view in self.overview.judged for name in view.old}
        cards = [
            Card(server, cases[0].verdict, tuple(cases), (server, name) in old)
            for (server, name), cases in groups.items()
        ]
        return sorted(cards, key=_urgency)

    def cards_of(self, severity: Severity) -> list[Card]:
        return [card for card in self.cards if card.severity == severity]

    @cached_property
    def unknown(self) -> list[Blind]:
        return list(self._blind(learning=False))

    @cached_property
    def learning(self) -> list[Blind]:
        return list(self._blind(learning=True))

    @property
    def learning_in_part(self) -> int:
        """Count the verdicts of which only some objects are being learned."""
        states = {
            (one.server, verdict.finding.name): verdict.state
            for one in self.learning
            for verdict in one.verdicts
        }
        return sum(state is not State.learning for state in states.values())

    @cached_property
    def muted(self) -> list[tuple[Judged, Verdict, Subject]]:
        return [
            (view, verdict, subject)
            for view, verdict in self._verdicts()
            for subject in verdict.muted
        ]

    @cached_property
    def reviews(self) -> list[tuple[Judged, Verdict, Subject]]:
        """What findings propose to review, worst first."""
        found = [
            (view, verdict, subject)
            for view in self.overview.judged
            for verdict in view.verdicts.values()
            if verdict.finding.is_review
            for subject in verdict.subjects
        ]
        return sorted(found, key=lambda one: -one[2].evidence.severity.rank)

    @cached_property
    def not_applicable(self) -> list[tuple[Judged, list[Verdict]]]:
        found = [
            (view, [v for v in _incidents(view) if v.state is State.not_applicable])
            for view in self.overview.judged
        ]
        return [(view, verdicts) for view, verdicts in found if verdicts]

    def by_severity(self, severity: Severity) -> int:
        """Count the verdicts whose worst subject has this severity."""
        return sum(verdict.severity == severity for _, verdict in self._verdicts())

    def under_cause(self, severity: Severity) -> int:
        """Count the verdicts of this severity that are shown under their cause only."""
        return self.by_severity(severity) - len(self.cards_of(severity))

    def by_state(self, state: State) -> int:
        """Count the verdicts in a state; what is merely not configured is counted apart."""
        known = (v for _, v in self._verdicts() if not v.is_unconfigured)
        return sum(verdict.state == state for verdict in known)

    @cached_property
    def unconfigured(self) -> list[tuple[Judged, Verdict]]:
        """What is unknown only for want of settings."""
        return [(view, verdict) for view, verdict in self._verdicts() if verdict.is_unconfigured]

    @property
    def in_part(self) -> int:
        """Count the verdicts that are known, but not for all objects."""
        return sum(
            verdict.state is not State.unknown
            and any(u.until is None and not u.setting for u in verdict.unjudged)
            for _, verdict in self._verdicts()
        )

    @cached_property
    def servers(self) -> list[ServerView]:
        """The servers, those with the worst findings first."""
        return sorted(self.overview.servers, key=_worst_first)

    @cached_property
    def down(self) -> list[ServerView]:
        return [view for view in self.overview.servers if not view.up]

    @cached_property
    def unread(self) -> list[tuple[ServerView, Unread]]:
        """What is not read of servers that are up, less the reasons why findings are unknown."""
        told = {(one.server, one.reason) for one in self.unknown}
        return [
            (view, one)
            for view in self.overview.servers
            for one in view.unread
            if view.up and (view.name, one.reason) not in told
        ]

    def _cases(self, view: Judged) -> Iterable[Folded]:
        verdicts = _incidents(view)
        if self.folded:
            return fold(verdicts)
        return (Folded(verdict, subject) for verdict in verdicts for subject in verdict.subjects)

    def _verdicts(self) -> Iterator[tuple[Judged, Verdict]]:
        for view in self.overview.judged:
            for verdict in _incidents(view):
                yield view, verdict

    def _blind(self, *, learning: bool) -> Iterator[Blind]:
        """Yield each reason once for each server, with all findings and databases that share it."""
        groups: dict[Key, dict[str, Verdict]] = {}
        counts: dict[Key, int] = defaultdict(int)
        databases: dict[Key, dict[str | None, None]] = defaultdict(dict)
        for view, verdict in self._verdicts():
            for one in verdict.unjudged:
                if (one.until is not None) is learning and not one.setting:
                    key = (view.name, one.reason, one.grant, one.until)
                    groups.setdefault(key, {})[verdict.finding.name] = verdict
                    counts[key] += one.count
                    databases[key][one.database] = None
        for key, verdicts in groups.items():
            names = () if None in databases[key] else tuple(filter(None, databases[key]))
            yield Blind(*key, tuple(verdicts.values()), counts[key], names)


def _incidents(view: Judged) -> list[Verdict]:
    """Verdicts that a headline counts; reviews stand apart."""
    return [verdict for verdict in view.verdicts.values() if not verdict.finding.is_review]


def counts(view: ServerView) -> dict[Severity | State, int]:
    """Count the findings of one server: by severity where ill, then those that are unknown."""
    verdicts = _incidents(view)
    by_severity: dict[Severity | State, int] = {
        severity: sum(verdict.severity is severity for verdict in verdicts)
        for severity in reversed(Severity)
    }
    unknown = sum(
        verdict.state is State.unknown and not verdict.is_unconfigured for verdict in verdicts
    )
    return by_severity | {State.unknown: unknown}


def needs_attention(view: ServerView) -> bool:
    """Whether a server has more to say than information, or nothing is known of it."""
    numbers = counts(view)
    more = any(number for kind, number in numbers.items() if kind != Severity.info)
    return more or not view.up or not is_known(view)


def is_known(view: ServerView) -> bool:
    """Whether anything about a server was found to be well."""
    return any(verdict.state is State.healthy for verdict in view.verdicts.values())


def _worst_first(view: ServerView) -> tuple[int, ...]:
    return (int(view.up), *(-number for number in counts(view).values()))


def _urgency(card: Card) -> tuple[int, bool]:
    is_past = card.verdict.finding.shape is Shape.event
    return -card.severity.rank, is_past
