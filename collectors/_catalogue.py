"""Catalogue of collectors: each module exports one collector under the module's name."""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import collectors
from collectors._base import AnyCollector, Kind, Lane, Scope
from collectors._shared_methods import share_methods


def discover(package: ModuleType) -> dict[str, ModuleType]:
    """Import all public modules of a package, by name; a broken one fails here, at start."""
    found = {name: import_module(f"{package.__name__}.{name}") for name in names_in(package)}
    share_methods()
    return found


def names_in(package: ModuleType) -> list[str]:
    """Return the names of the public modules of a package."""
    return sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))


ENROLLED: dict[str, AnyCollector] = {}
"""Collectors of users' own checks, by name."""


@cache
def all_collectors() -> dict[str, AnyCollector]:
    """Return every collector by name."""
    ours = {name: getattr(module, name) for name, module in discover(collectors).items()}
    return ours | ENROLLED


def enrol(own: Iterable[AnyCollector]) -> None:
    """Replace the collectors of own checks; at start, before anything asks for all."""
    ENROLLED.clear()
    ENROLLED.update({collector.name: collector for collector in own})
    all_collectors.cache_clear()
    of_server.cache_clear()


def about(kind: Kind) -> list[AnyCollector]:
    """Return the collectors that read targets of a kind."""
    return [collector for collector in all_collectors().values() if collector.of is kind]


@cache
def of_server(lane: Lane) -> tuple[AnyCollector, ...]:
    """Return the server collectors of a lane; gated ones after those that their gates read."""
    asked = [c for c in about(Kind.postgres) if c.sql and c.scope is Scope.server]
    asked = [c for c in asked if c.lane is lane]
    return tuple(sorted(asked, key=lambda c: (c.gate is not None, c.name)))


def of_extensions() -> list[AnyCollector]:
    """Return the collectors that query an extension about the whole server, in any database."""
    asked = [c for c in about(Kind.postgres) if c.sql and c.scope is Scope.server]
    return [collector for collector in asked if collector.extension]


def of_databases() -> list[AnyCollector]:
    """Return the collectors that query every database."""
    return [c for c in about(Kind.postgres) if c.sql and c.scope is Scope.database]
