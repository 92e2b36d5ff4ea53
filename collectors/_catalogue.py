"""Finds every collector: one module, one collector, exported under the module's own name."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import collectors
from collectors._base import Collector


def discover(package: ModuleType) -> dict[str, ModuleType]:
    """All public modules of a package by name; a broken one fails here, at start, not at night."""
    names = sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_"))
    return {name: import_module(f"{package.__name__}.{name}") for name in names}


@cache
def all_collectors() -> dict[str, Collector[Any]]:
    """Every collector by its name."""
    return {name: getattr(module, name) for name, module in discover(collectors).items()}
