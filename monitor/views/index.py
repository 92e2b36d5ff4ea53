"""Index of all findings: the state of each, what it reads, and where its runbook is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AnyFinding, Severity, State
from alerts._catalogue import all_findings
from alerts.findings import CHAPTERS
from alerts.prometheus.rulebook import all_watchdogs
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind
from monitor.views.overview import Overview

KINDS = (*(s.value for s in reversed(Severity)), *(s.value for s in State if s is not State.ill))
"""How a verdict is counted: by its severity where it is ill, else by its state; worst first."""

ABOUT = {
    Kind.postgres: "about servers",
    Kind.pgbouncer: "about poolers",
    Kind.cluster: "about clusters",
    Kind.daemon: "about pgvigil itself",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One finding, with the number of servers in each state."""

    finding: AnyFinding
    counts: tuple[tuple[str, int], ...]
    """Worst first; empty if no server judges it."""
    elsewhere: str | None = None
    """What it is about, where nothing of that kind is shown; else it is judged soon."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The findings of one chapter."""

    name: str
    entries: tuple[Entry, ...]


def chapters(overview: Overview) -> list[Chapter]:
    """Return every finding, judged or not, by chapter."""
    entries: dict[str, list[Entry]] = {name: [] for name in CHAPTERS}
    for finding in _findings(overview).values():
        entry = Entry(finding, _counts(finding, overview), _elsewhere(finding, overview))
        entries.setdefault(finding.chapter, []).append(entry)
    return [Chapter(name, tuple(found)) for name, found in entries.items() if found]


def watchdogs() -> dict[str, str]:
    """Return the titles of the alerts about pgvigil itself, by name."""
    return {name: watchdog.title for name, watchdog in all_watchdogs().items()}


def kind_of(verdict: Verdict) -> str:
    """Return the severity of an ill finding, else its state."""
    if verdict.state is State.ill and verdict.severity:
        return verdict.severity.value
    return verdict.state.value


def _findings(overview: Overview) -> dict[str, AnyFinding]:
    judged = {v.finding.name: v.finding for v in _verdicts(overview)}
    return dict(sorted((dict(all_findings()) | judged).items()))


def _counts(finding: AnyFinding, overview: Overview) -> tuple[tuple[str, int], ...]:
    kinds = Counter(kind_of(v) for v in _verdicts(overview) if v.finding.name == finding.name)
    return tuple((kind, kinds[kind]) for kind in KINDS if kinds[kind])


def _elsewhere(finding: AnyFinding, overview: Overview) -> str | None:
    shown = {Kind.postgres} if overview.servers else set()
    shown |= {view.kind for view in overview.targets}
    return None if finding.of in shown else ABOUT[finding.of]


def _verdicts(overview: Overview) -> Iterator[Verdict]:
    for view in overview.judged:
        yield from view.verdicts.values()
