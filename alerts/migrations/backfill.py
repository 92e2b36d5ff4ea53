"""Backfills: updates of many rows at once, and loops that stop early or commit at the end only."""

import re
from collections.abc import Iterator
from typing import Any

from alerts.migrations.advice import Advice, Level
from alerts.migrations.live import LiveServer, LiveTable
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Traced

MANY = 10_000
"""Rows that one statement may write without a batch."""
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


def backfills(traced: Traced, live: LiveServer | None) -> Iterator[Advice]:
    """Yield what is wrong with a backfill."""
    statement = traced.statement
    if body := _code(statement):
        yield from _of_loop(body, statement)
    if statement.node in ("UpdateStmt", "DeleteStmt"):
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
    tables = [held.table for held in traced.locks] or list(traced.scanned)
    table = live.tables.get(tables[0]) if live and tables else None
    condition = traced.statement.body.get("whereClause")
    if table and (table.rows or 0.0) <= MANY:
        return
    if condition is None:
        yield Advice(
            "It writes every row of the table in one transaction: they stay locked, and leave as"
            " many dead rows, until it commits. Write batches of some thousand rows, with a COMMIT"
            " after each.",
            level=Level.caution,
        )
    elif table and not _meets_few(condition, table):
        yield Advice(
            f"Not known: how many of about {table.rows:,.0f} rows it writes. If it can be more than"
            " some thousand, write batches, with a COMMIT after each: what it has written stays"
            " locked until it commits.",
            level=Level.unknown,
        )


def _meets_few(condition: Any, table: LiveTable) -> bool:
    """Whether it names single values of a column in which ANALYZE has seen none twice."""
    if both := condition.get("BoolExpr"):
        parts = (_meets_few(part, table) for part in both["args"])
        return any(parts) if both["boolop"] == "AND_EXPR" else _is_or(both) and all(parts)
    compared = condition.get("A_Expr", {})
    is_equal = compared.get("kind") in ("AEXPR_OP", "AEXPR_IN") and (
        compared["name"][-1]["String"]["sval"] == "="
    )
    sides = [compared.get(side, {}) for side in ("lexpr", "rexpr")]
    columns = [side["ColumnRef"]["fields"][-1] for side in sides if "ColumnRef" in side]
    if not is_equal or len(columns) != 1 or any("SubLink" in side for side in sides):
        return False
    return not table.repeated.get(columns[0].get("String", {}).get("sval", ""), False)


def _is_or(condition: Any) -> bool:
    return bool(condition["boolop"] == "OR_EXPR")
