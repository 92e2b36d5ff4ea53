"""Files of goose, sql-migrate and dbmate: the part that only undoes, and the transaction of a file.

They tell both by comments, of which psql knows nothing.
"""

import re

MARK = re.compile(
    r"^[ \t]*--[ \t]*(?:\+(?P<tool>goose|migrate)[ \t]+|(?P<dbmate>migrate):)(?P<way>up|down)\b",
    re.IGNORECASE | re.MULTILINE,
)
"""The beginning of a part, for such a framework."""
ALONE = re.compile(
    r"^[ \t]*--[ \t]*(?:\+goose[ \t]+no[ \t]+transaction\b"
    r"|\+migrate[ \t]+up\b.*\bnotransaction\b|migrate:up\b.*\btransaction:false\b)",
    re.IGNORECASE | re.MULTILINE,
)
"""Says that each statement commits by itself."""


def runs_as_one(script: str) -> str | None:
    """Return the framework that runs the file in one transaction; None where it does not say so."""
    ups = [mark for mark in MARK.finditer(script) if mark["way"].lower() == "up"]
    if not ups or ALONE.search(script):
        return None
    if ups[0]["dbmate"]:
        return "dbmate"
    return "goose" if ups[0]["tool"].lower() == "goose" else "sql-migrate"


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
