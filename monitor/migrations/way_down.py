"""Way down: the part of a file that frameworks run only to undo it (goose, sql-migrate, dbmate)."""

import re

MARK = re.compile(
    r"^[ \t]*--[ \t]*(?:\+(?P<tool>goose|migrate)[ \t]+|(?P<dbmate>migrate):)(?P<way>up|down)\b",
    re.IGNORECASE | re.MULTILINE,
)
"""A comment for such a framework; psql knows nothing of it."""


def without_way_down(script: str) -> tuple[str, int | None]:
    """Return the script with that part emptied, and its first line; None where it has none."""
    marks = list(MARK.finditer(script))
    if not any(mark["way"].lower() == "up" for mark in marks):
        return script, None
    kept, at, first = [], 0, None
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        if mark["way"].lower() == "up":
            continue
        end = following.start() if following else len(script)
        first = first or script.count("\n", 0, mark.start()) + 1
        lines = script.count("\n", mark.start(), end)
        kept += [script[at : mark.start()], "\n" * lines]
        at = end
    return "".join((*kept, script[at:])), first
