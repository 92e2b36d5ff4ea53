"""Finds every collector: one module, one collector, exported under the module's own name."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import collectors
from collectors._base import AnyCollector, Lane, Scope


def discover(package: ModuleType) -> dict[str, ModuleType]:
    """All public modules of a package by name; a broken one fails here, at start, not at night."""
    names = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    return {name: import_module(f"{package.__name__}.{name}") for name in names}


@cache
def all_collectors() -> dict[str, AnyCollector]:
    """Every collector by its name."""
    return {name: getattr(module, name) for name, module in discover(collectors).items()}


def of_server(lane: Lane) -> list[AnyCollector]:
    """What a lane asks of the server as a whole; the gated ones after what their gates read."""
    asked = [c for c in all_collectors().values() if c.sql and c.scope is Scope.server]
    return sorted((c for c in asked if c.lane is lane), key=lambda c: (c.gate is not None, c.name))


def of_extensions() -> list[AnyCollector]:
    """What an extension tells of the whole server, in whichever database it is installed."""
    asked = [c for c in all_collectors().values() if c.sql and c.scope is Scope.server]
    return [collector for collector in asked if collector.extension]


def of_databases() -> list[AnyCollector]:
    """What must be asked in every database."""
    return [c for c in all_collectors().values() if c.sql and c.scope is Scope.database]
