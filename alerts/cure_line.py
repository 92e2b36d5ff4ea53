"""Cure as the text of a message, which can be pasted into psql."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

LONGEST = 1024
"""Bytes; some metric stores refuse longer labels."""
TOO_LONG = "-- The statement is too long for a message. See the page of the finding."
ELSEWHERE = "Read the advice on the page of the finding first: it is too long for a message."
ACTS = re.compile(r"[;'\"\\\\]")
"""What makes psql run a text that is pasted, or wait for the end of a string."""


@dataclass(frozen=True, slots=True)
class Part:
    """A statement, or consecutive lines of advice."""

    text: str
    advice: bool


def one_line(cure: Iterable[str], longest: int = LONGEST) -> str:
    """Join a cure to one line; advice becomes `/* … */` comments.

    A text that is too long loses its last piece of advice, then all of it; a statement is never
    cut, because half of it could be another one.
    """
    parts = tuple(_parts(cure))
    shorter = parts[:-1] if parts and parts[-1].advice else parts
    bare = tuple(replace(part, text=ELSEWHERE) if part.advice else part for part in shorter)
    lines = [_written(parts)]
    if any(not part.advice for part in parts):
        lines += _written(shorter), _written(bare)
    return next((line for line in lines if line and len(line.encode()) <= longest), TOO_LONG)


def console_lines(cure: Iterable[str], longest: int = LONGEST) -> str:
    """Join a cure for the console of a pooler, a line each.

    The console refuses a command with a comment in it, and psql sends it those of the form
    `/* … */`. Lines that begin with `--` psql keeps to itself.
    """
    lines = list(cure)
    whole = "\n".join(lines)
    while lines and lines[-1].startswith("--"):
        lines.pop()
    texts = whole, "\n".join(lines)
    return next((text for text in texts if text and len(text.encode()) <= longest), TOO_LONG)


def _parts(cure: Iterable[str]) -> Iterator[Part]:
    for advice, lines in groupby(cure, key=lambda line: line.startswith("--")):
        if advice:
            yield Part(" ".join(line.removeprefix("--").strip() for line in lines), True)
        else:
            yield from (Part(line, False) for line in lines)


def _written(parts: tuple[Part, ...]) -> str:
    if all(part.advice and not ACTS.search(part.text) for part in parts):
        return " ".join(part.text for part in parts)
    return " ".join(_comment(part.text) if part.advice else part.text for part in parts)


def _comment(text: str) -> str:
    """Make a comment. PostgreSQL's comments nest, so names inside must not begin or end one."""
    return f"/* {text.replace('*/', '* /').replace('/*', '/ *')} */"
