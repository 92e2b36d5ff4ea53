"""Advice about a statement: a sentence, and the safer statements where they can be written."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """Level of a statement, the worst last; the file has that of its worst statement."""

    safe = 0
    unknown = 1
    caution = 2
    danger = 3


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do otherwise, or to know before."""

    text: str
    sql: tuple[str, ...] = ()
    level: Level = Level.safe
    """What it makes of the statement at least."""
