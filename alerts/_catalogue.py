"""Catalogue of findings: a file's name is the finding's id, its folder's name the chapter."""

from collections.abc import Callable, Iterable
from functools import _lru_cache_wrapper, cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar

import alerts.findings
from alerts._base import AnyFinding
from alerts.findings import CHAPTERS
from alerts.history.kind import AnyHistory
from alerts.migrations.week_facts import KEPT
from collectors._base import Kind
from collectors._catalogue import discover

Made = TypeVar("Made")
ENROLLED: dict[str, AnyFinding] = {}
"""Findings of users' own checks, by name."""
FORGET: list[Callable[[], None]] = []
"""Empties whatever was made of the catalogue."""


def of_catalogue(cached: "_lru_cache_wrapper[Made]") -> "_lru_cache_wrapper[Made]":
    """Mark a cached function of the catalogue: it is made anew when that changes."""
    FORGET.append(cached.cache_clear)
    return cached


@of_catalogue
@cache
def all_findings() -> dict[str, AnyFinding]:
    """Return every finding by its name."""
    return dict(sorted((findings_of(alerts.findings) | ENROLLED).items()))


def enrol(own: Iterable[AnyFinding]) -> None:
    """Replace the findings of own checks; at start, before anything asks for all."""
    ENROLLED.clear()
    ENROLLED.update({finding.name: finding for finding in own})
    for forget in FORGET:
        forget()


@of_catalogue
@cache
def findings_about(kind: Kind) -> dict[str, AnyFinding]:
    """Return the findings that judge targets of a kind, by name; others are absent there."""
    return {name: finding for name, finding in all_findings().items() if finding.of is kind}


def findings_of(package: ModuleType) -> dict[str, AnyFinding]:
    """Return the findings in the chapters of a package, by name.

    A folder that is no known chapter and an id that is taken raise ValueError, so that they fail
    at start.
    """
    found: dict[str, AnyFinding] = {}
    for chapter in _chapters(package):
        for name, module in discover(chapter).items():
            if name in found:
                raise ValueError(f"two findings are called {name}")
            found[name] = module.finding
    return dict(sorted(found.items()))


def all_wants(kind: Kind = Kind.postgres) -> tuple[AnyHistory, ...]:
    """Return the kinds of history that all findings about such targets together declare.

    Those of migrations are learned for a command, which comes when a migration does.
    """
    found = findings_about(kind).values()
    wants = tuple(want for finding in found for want in finding.history)
    return (*wants, *KEPT) if kind is Kind.postgres else wants


def _chapters(package: ModuleType) -> list[ModuleType]:
    names = {module.name for module in iter_modules(package.__path__)}
    if unknown := names - set(CHAPTERS):
        raise ValueError(f"not in CHAPTERS of alerts/findings/__init__.py: {sorted(unknown)}")
    return [import_module(f"{package.__name__}.{name}") for name in CHAPTERS if name in names]
