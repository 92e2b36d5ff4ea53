"""Catalogue of scenes: what all chapters together put on the stage."""

from functools import cache
from pathlib import Path
from types import ModuleType

import monitor.demo.scenes
from alerts.findings import CHAPTERS
from collectors._catalogue import discover
from monitor.demo.stage import Act


@cache
def chapters() -> dict[str, ModuleType]:
    """Return the modules by chapter, in the order of chapters. Raise ValueError for others."""
    return chapters_of(monitor.demo.scenes)


def chapters_of(package: ModuleType) -> dict[str, ModuleType]:
    """Return the modules of a package by chapter. Raise ValueError for what is no chapter."""
    found = discover(package)
    files = {path.stem for folder in package.__path__ for path in Path(folder).glob("*.sql")}
    if unknown := set(found) - set(CHAPTERS):
        raise ValueError(f"not in CHAPTERS of alerts/findings/__init__.py: {sorted(unknown)}")
    if lost := files - set(found):
        raise ValueError(f"SQL of a demo without its module: {sorted(lost)}")
    return {name: found[name] for name in CHAPTERS if name in found}


def scenes() -> tuple[Act, ...]:
    """Return the acts of all chapters."""
    return tuple(act for module in chapters().values() for act in getattr(module, "SCENES", ()))


def planted() -> tuple[str, ...]:
    """Return the names of the findings that the demo makes ill, sorted."""
    return tuple(sorted({name for module in chapters().values() for name in module.PLANTED}))


def scripts() -> tuple[str, ...]:
    """Return the SQL of all chapters that have some."""
    files = (Path(module.__file__ or "").with_suffix(".sql") for module in chapters().values())
    return tuple(file.read_text(encoding="utf-8") for file in files if file.exists())
