"""Conflict table of lock modes, from PostgreSQL's documentation."""

# Rows and columns in the same order, weakest first.
TABLE = """
    AccessShareLock           . . . . . . . X
    RowShareLock              . . . . . . X X
    RowExclusiveLock          . . . . X X X X
    ShareUpdateExclusiveLock  . . . X X X X X
    ShareLock                 . . X X . X X X
    ShareRowExclusiveLock     . . X X X X X X
    ExclusiveLock             . X X X X X X X
    AccessExclusiveLock       X X X X X X X X
"""

LINES = [line.split() for line in TABLE.strip().splitlines()]
MODES = tuple(mode for mode, *_ in LINES)
CONFLICTING = {
    mode: frozenset(other for other, cell in zip(MODES, cells, strict=True) if cell == "X")
    for mode, *cells in LINES
}


def conflicts(mode: str, other: str) -> bool:
    """Return True if the two modes conflict."""
    return other in CONFLICTING[mode]
