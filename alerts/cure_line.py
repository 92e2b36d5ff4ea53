"""A cure as one line of a message, fit to be pasted into psql as it is."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

LONGEST = 1024
"""Bytes; some stores of metrics refuse a label that is longer."""
SETTING = re.compile(r"SET (?:SESSION )?([a-z_]+) (?:=|TO) ")
"""A statement that changes the session in which a person goes on to work."""
TOO_LONG = "The statement is too long for a message: it is on the page of the finding."


@dataclass(frozen=True, slots=True)
class Part:
    """A statement, or lines of advice that follow each other."""

    text: str
    advice: bool


def one_line(cure: Iterable[str], longest: int = LONGEST) -> str:
    """Advice among statements becomes comments that end, so that none hides what follows.

    Settings that the cure changes are put back after its last statement.
    What is too long loses the advice at its end, and is never cut within: half of a statement
    could be another one.
    """
    parts = tuple(_parts(_undone(tuple(cure))))
    shorter = parts[:-1] if parts and parts[-1].advice else ()
    lines = (_written(parts), _written(shorter))
    return next((line for line in lines if line and len(line.encode()) <= longest), TOO_LONG)


def _undone(cure: tuple[str, ...]) -> tuple[str, ...]:
    changed = dict.fromkeys(found[1] for line in cure if (found := SETTING.match(line)))
    last = max((n for n, line in enumerate(cure, 1) if not line.startswith("--")), default=0)
    return (*cure[:last], *(f"RESET {name};" for name in changed), *cure[last:])


def _parts(cure: Iterable[str]) -> Iterator[Part]:
    for advice, lines in groupby(cure, key=lambda line: line.startswith("--")):
        if advice:
            yield Part(" ".join(line.removeprefix("--").strip() for line in lines), True)
        else:
            yield from (Part(line, False) for line in lines)


def _written(parts: tuple[Part, ...]) -> str:
    if all(part.advice for part in parts):
        return " ".join(part.text for part in parts)
    return " ".join(_comment(part.text) if part.advice else part.text for part in parts)


def _comment(text: str) -> str:
    """Comments of PostgreSQL nest: no name within may begin or end one."""
    return f"/* {text.replace('*/', '* /').replace('/*', '/ *')} */"
