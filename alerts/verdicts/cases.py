"""Cases (subjects over time) of one finding on one server; they survive a restart."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from alerts._base import Evidence
from alerts.history.memory import Json, Memory, Namespace
from alerts.units import LATEST
from alerts.verdicts.evidence_json import as_json, from_json
from alerts.verdicts.places import Places
from alerts.verdicts.places import as_json as places_as_json
from alerts.verdicts.places import from_json as places_from_json
from alerts.verdicts.verdict import Verdict

OCCURRENCES = 20
"""Number of last occurrences of an event that are kept with their evidence."""
COUNTED = 1000
"""Number of last events that are not counted again."""
REWRITE = 60.0
"""Seconds between saves of a case's evidence; since-times are saved at once."""
CASE = "case:"
PLACED = "places"
HIGHEST = 1e15

Identity = tuple[str, str]


@dataclass(slots=True)
class Case:
    """A subject since its first evidence."""

    evidence: Evidence
    first: float
    """When its evidence began."""
    ill: float | None = None
    """Since when it has been ill; None until it has held for long enough."""
    shown: float = 0
    """When it was first reported as ill: later than `ill` if it had to hold first."""
    last: float = 0
    """When the judge last returned it."""
    fact: float = 0
    """When the facts of its first evidence were read."""
    written: float = 0
    """When it was last saved."""


@dataclass(slots=True)
class FindingCases:
    """All cases of one finding on one server."""

    cases: dict[Identity, Case] = field(default_factory=dict)
    occurrences: list[tuple[float, Evidence]] = field(default_factory=list)
    """The last ones of an event."""
    counted: list[Identity] = field(default_factory=list)
    """The last events that were counted."""
    events: float = 0
    verdict: Verdict | None = None
    places: Places = field(default_factory=dict)
    known: bool = False
    """Whether it was judged since the start, or restored."""
    kept: bool = True
    """Whether memory may hold something of it."""

    @property
    def is_blank(self) -> bool:
        """Whether there is no subject, no event and no place to follow."""
        return not (self.cases or self.events or self.occurrences or any(self.places.values()))

    def count(self, evidence: Evidence, when: float) -> None:
        """Note an event that is not counted yet."""
        self.counted.append(evidence.identity)
        self.occurrences.append((when, evidence))
        del self.counted[:-COUNTED], self.occurrences[:-OCCURRENCES]

    def retell(self, evidence: Evidence) -> None:
        """Update an event with facts that became known later."""
        for index, (when, known) in enumerate(self.occurrences):
            if known.identity == evidence.identity and known != evidence:
                self.occurrences[index] = when, evidence

    @classmethod
    def recalled(cls, memory: Memory, namespace: Namespace) -> "FindingCases":
        """The last saved state."""
        file = cls(dict(_cases(memory, namespace)), events=_number(memory.get(namespace, "events")))
        for saved in _occurrences(memory, namespace):
            file.count(saved.evidence, saved.when)
        file.places = places_from_json(memory.get(namespace, PLACED))
        file.known = any(True for _ in memory.items(namespace))
        return file

    def remember(self, memory: Memory, namespace: Namespace) -> None:
        """Save changes: since-times at once, evidence at intervals."""
        if self.is_blank and memory.is_empty(namespace):
            self.kept = False
            return
        self.kept = True
        if self.events:
            memory.put(namespace, "events", self.events)
            happened: list[Json] = [
                SavedOccurrence(when, evidence).pack() for when, evidence in self.occurrences
            ]
            memory.put(namespace, "occurrences", happened)
        if any(self.places.values()):
            memory.put(namespace, PLACED, places_as_json(self.places))
        else:
            memory.forget(namespace, PLACED)
        kept = {_label(c): (c, c.ill) for c in self.cases.values() if c.ill is not None}
        for label, _ in memory.items(namespace):
            if label.startswith(CASE) and label not in kept:
                memory.forget(namespace, label)
        for label, (case, since) in kept.items():
            if case.last - case.written >= REWRITE:
                case.written = case.last
                memory.put(namespace, label, SavedCase(case.evidence, since, case.last).pack())


class SavedCase(NamedTuple):
    """A case as memory holds it: a JSON list of since when, until when, and the evidence."""

    evidence: Evidence
    since: float
    last: float

    def pack(self) -> Json:
        return [self.since, self.last, as_json(self.evidence)]

    @classmethod
    def unpack(cls, stored: Json) -> "SavedCase":
        """Read it as it was put, or as it came out of the state file. Raises ValueError."""
        match stored:
            case [since, last, evidence]:
                return cls(from_json(evidence), _time(since), _time(last))
        raise ValueError("no case")


class SavedOccurrence(NamedTuple):
    """An occurrence of an event as memory holds it: a JSON list of when, and the evidence."""

    when: float
    evidence: Evidence

    def pack(self) -> Json:
        return [self.when, as_json(self.evidence)]

    @classmethod
    def unpack(cls, stored: Json) -> "SavedOccurrence":
        """Read it as it was put, or as it came out of the state file. Raises ValueError."""
        match stored:
            case [when, evidence]:
                return cls(_time(when), from_json(evidence))
        raise ValueError("no occurrence")


def remembered_as_ill(memory: Memory) -> dict[str, set[str]]:
    """Return by server the names of findings of which memory has an ill subject."""
    found: dict[str, set[str]] = {}
    for place in memory.namespaces():
        if any(key.startswith(CASE) for key, _ in memory.items(place)):
            found.setdefault(place.server, set()).add(place.room)
    return found


def is_wrong(key: str, value: Json) -> bool:
    """Whether a remembered value has the key of a case, but can't be one."""
    if not key.startswith(CASE):
        return False
    try:
        SavedCase.unpack(value)
    except ValueError:
        return True
    return False


def _cases(memory: Memory, namespace: Namespace) -> Iterator[tuple[Identity, Case]]:
    for label, value in memory.items(namespace):
        if label.startswith(CASE):
            with suppress(ValueError):
                evidence, since, last = SavedCase.unpack(value)
                yield evidence.identity, Case(evidence, since, since, since, last)


def _occurrences(memory: Memory, namespace: Namespace) -> Iterator[SavedOccurrence]:
    stored = memory.get(namespace, "occurrences")
    for one in stored if isinstance(stored, list) else []:
        with suppress(ValueError):
            yield SavedOccurrence.unpack(one)


def _label(case: Case) -> str:
    return CASE + "\x00".join(case.evidence.identity)


def _time(value: object) -> float:
    """Return unix seconds. Raises ValueError for what is no time, or of no calendar."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise ValueError("no time")
    return float(value)


def _number(value: object) -> float:
    """Return a time or count; 0 for what can't be one, such as a number of 400 digits."""
    return float(value) if isinstance(value, int | float) and abs(value) < HIGHEST else 0.0
