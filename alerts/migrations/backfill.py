"""Backfills: updates of many rows at once, and loops that stop early or commit at the end only."""

import re
from collections.abc import Iterator, Sequence

from alerts.migrations.advice import Advice, Level
from alerts.migrations.live import LiveServer
from alerts.migrations.rows_written import written
from alerts.migrations.statement import DATA, Statement
from alerts.migrations.traced import Traced

MANY = 10_000
"""Rows that one statement may write without a batch."""
SEVERAL = 10
"""Rows from which on their number is worth a word."""
COUNTED = re.compile(r"get\s+(?:current\s+)?diagnostics\s+(\w+)\s*:?=\s*row_count", re.IGNORECASE)
WRITES = re.compile(r"\b(update|delete\s+from|insert\s+into)\b", re.IGNORECASE)
LOOPS = re.compile(r"\bloop\b", re.IGNORECASE)
COMMITS = re.compile(r"\bcommit\b", re.IGNORECASE)
STOPS = re.compile(
    r"exit\s+when\s+(?:not\s+found|(\w+)\s*(?:=|<=|<)\s*\d+)|if\s+not\s+found\s+then\s+exit",
    re.IGNORECASE,
)
WINDOW = re.compile(
    r"[<>]=?\s*\w+\s*\+\s*\w+|\bbetween\s+\w+(?:\s*\+\s*\w+)?\s+and\s+\w+\s*\+\s*\w+", re.IGNORECASE
)
RIGHT = (
    "Take the next keys by SELECT ... WHERE id > last_id ORDER BY id LIMIT n, UPDATE these rows,"
    " set last_id to the greatest of them, COMMIT, and stop when none is left: in a procedure that"
    " is called outside a transaction, or from the client."
)

WHOLLY = ("UpdateStmt", "DeleteStmt")
WHOLE = Advice(
    "It writes every row of the table in one transaction: they stay locked, and leave as many dead"
    " rows, until it commits. Write batches of some thousand rows, with a COMMIT after each.",
    level=Level.caution,
)


def backfills(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    """Yield what is wrong with a backfill."""
    statement = traced.statement
    if body := _code(statement):
        yield from _of_loop(body, statement)
    if statement.node in DATA:
        yield from _of_statement(traced, live)


def stops_early(statement: Statement) -> bool:
    """Whether its loop ends before all rows are filled."""
    body = _code(statement)
    return bool(body and (_overwritten(body) or _ends_at_gap(body)))


def _code(statement: Statement) -> str | None:
    if statement.node not in ("DoStmt", "CreateFunctionStmt"):
        return None
    body = re.sub(r"--[^\n]*|/\*.*?\*/", " ", statement.text, flags=re.DOTALL)
    return body if LOOPS.search(body) and WRITES.search(body) else None


def _of_loop(body: str, statement: Statement) -> Iterator[Advice]:
    if name := _overwritten(body):
        yield Advice(
            f"The loop stops early: GET DIAGNOSTICS overwrites {name}, the last key, with the"
            f" number of rows, so batches are repeated or skipped. {RIGHT}",
            level=Level.danger,
        )
    elif _ends_at_gap(body):
        yield Advice(
            "The loop stops early: it ends at the first range of keys without a row, and a gap as"
            f" long as a batch is one. {RIGHT}",
            level=Level.danger,
        )
    if not COMMITS.search(body):
        yield Advice(
            "The whole loop is one transaction: row locks and dead rows stay until its end, and"
            " pauses don't help. COMMIT after each batch.",
            level=Level.caution,
        )


def _overwritten(body: str) -> str | None:
    """Return the name of a key that ROW_COUNT overwrites."""
    for found in COUNTED.finditer(body):
        name = found[1]
        if re.search(rf"[<>]=?\s*{name}\b|\bbetween\s+{name}\b", body, re.IGNORECASE):
            after_exit = re.compile(rf"(?:exit\s+when|if|while)\s+{name}\s*[<>=]", re.IGNORECASE)
            compared = re.sub(after_exit, " ", body)
            if re.search(rf"[<>]=?\s*{name}\b|\bbetween\s+{name}\b", compared, re.IGNORECASE):
                return name
    return None


def _ends_at_gap(body: str) -> bool:
    return bool(STOPS.search(body) and WINDOW.search(body))


def _of_statement(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    if live is None:
        if traced.statement.node in WHOLLY and "whereClause" not in traced.statement.body:
            yield WHOLE
        return
    for one in written(traced, live):
        rows = one.table.rows
        if rows is not None and rows <= MANY:
            continue
        if one.whole:
            yield WHOLE
        elif one.most is None or (one.most > MANY and rows is None):
            yield _not_known(rows)
        elif one.most > MANY:
            yield Advice(
                f"It may write {min(one.most, rows or 0.0):,.0f} rows in one transaction: they stay"
                " locked until it commits. Write ranges of some thousand keys, with a COMMIT after"
                " each.",
                level=Level.caution,
            )
        elif one.most > SEVERAL:
            yield Advice(f"It writes {one.most:,.0f} rows at most, by the keys that it names.")


def batches_together(traces: Sequence[Traced], at: int, live: LiveServer | None) -> Advice | None:
    """Return what is wrong where batches are no batches: all in one transaction."""
    block = traces[at].block
    if live is None or block is None:
        return None
    before = sum(_most(one, live) for one in traces[:at] if one.block == block)
    total = before + _most(traces[at], live)
    if not before or not before <= MANY < total:
        return None
    return Advice(
        f"With those before it, its transaction may write {total:,.0f} rows, or more: batches help"
        " only with a COMMIT after each.",
        level=Level.caution,
    )


def _most(traced: Traced, live: LiveServer) -> float:
    """Return the rows of a statement that is a batch; 0 for any other."""
    found = (one.most for one in written(traced, live))
    return sum(most for most in found if most is not None and most <= MANY)


def _not_known(rows: float | None) -> Advice:
    of = "its rows" if rows is None else f"about {rows:,.0f} rows"
    return Advice(
        f"Not known: how many of {of} it writes. If it can be more than some thousand, write"
        " batches, with a COMMIT after each: what it has written stays locked until it commits.",
        level=Level.unknown,
    )
