"""Defects: unexpected exceptions. Each ends its own part only, is counted and logged once.

The part is a word for the metric; what else is known of the place goes to the log.
"""

import os
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger("pgvigil")
PARTS = (
    "collector",
    "history",
    "judge",
    "judging",
    "connection",
    "source",
    "upkeep",
    "view",
    "own metrics",
    "page",
    "job",
)
"""All of them, so that each is 0 before its first defect."""
REMEMBERED = 1000
"""Places in the code whose defects have been logged; after that all are logged again."""


@dataclass(slots=True)
class Defects:
    """The defects of the process."""

    counts: Counter[str] = field(default_factory=Counter)
    """By part."""
    _logged: set[tuple[str, ...]] = field(default_factory=set)

    @contextmanager
    def contained(self, part: str, **where: object) -> Iterator[None]:
        """Note what goes wrong inside, and go on."""
        try:
            yield
        except Exception as defect:
            self.note(part, defect, **where)

    def note(self, part: str, defect: Exception, **where: object) -> None:
        """Count a defect, and log it if it is the first of its kind, at its place."""
        self.counts[part] += 1
        kind = part, place_of(defect), *(str(word) for word in where.values())
        if kind in self._logged:
            return
        if len(self._logged) >= REMEMBERED:
            self._logged.clear()
        self._logged.add(kind)
        log.error("defect", part=part, **where, exc_info=defect)


def place_of(defect: Exception) -> str:
    """Return type and line; its text may repeat what the server holds."""
    frames = traceback.extract_tb(defect.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return type(defect).__name__ + where


DEFECTS = Defects()
