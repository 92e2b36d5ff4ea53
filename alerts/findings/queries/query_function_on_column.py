"""A column is compared inside of a function, so its index can't be used and the table is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Unjudged
from alerts.cure import identifier, remark
from alerts.findings.indexes._foreign_key import built
from alerts.findings.queries._full_scans import SCANS, FullScan, full_scans
from alerts.findings.queries._plans import PLANS
from alerts.findings.queries._statement import CONSULTS, HISTORY, HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.statements.conditions import Wrapped
from alerts.statements.load import Load
from alerts.units import Duration, Share, bytes_text, duration_text, share_text
from collectors.index_layout import index_layout
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables

MOST = 5
"""Statements that are named, those with the most time."""
LEAST_PAGES = 100
"""Pages of a table: the function is called for each row, which costs more than reading it."""
OF_TEXT = frozenset({"lower", "upper"})
"""Functions that always return the same for the same text, so that an index may be of them."""
OF_TIME = frozenset({"date", "date_trunc", "date_part", "extract", "to_char", "timestamp"})


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window."""
    min_share: Share = 0.01
    """Share of the execution time of all statements."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    found = full_scans(snapshot, load, limits.min_calls, LEAST_PAGES)
    ill = (
        (scan, scan.wrapped)
        for scan in found
        if scan.wrapped is not None and scan.ran.share >= limits.min_share
    )
    for (scan, wrapped), _ in zip(ill, range(MOST), strict=False):
        yield evidence(load, scan, wrapped)


def evidence(load: Load, scan: FullScan, wrapped: Wrapped) -> Evidence:
    ran, table = scan.ran, scan.table
    name, column = identifier(table.schemaname, table.relname), identifier(wrapped.column)
    how = f"{column}::{wrapped.function}" if wrapped.is_cast else f"{wrapped.function}({column})"
    return told(
        load,
        ran,
        ran.share,
        f"{ran.brief} compares {how}, so no index on {column} serves it: it reads all of {name}"
        f" ({bytes_text(scan.pages * load.block)}) each of {ran.use.calls:,.0f} times within"
        f" {duration_text(ran.seconds)}, {share_text(ran.share)} of the time of all statements.",
        {
            "table": name,
            "column": column,
            "function": wrapped.function,
            "blocks_per_call": scan.blocks,
            "rows_per_call": scan.rows,
        },
        tuple(cure(name, column, wrapped)),
    )


def cure(name: str, column: str, wrapped: Wrapped) -> Iterator[str]:
    if wrapped.is_pattern:
        yield remark("An index of the same expression with text_pattern_ops serves patterns that")
        yield remark("begin with text; one of pg_trgm (gin_trgm_ops) also those that begin with %.")
    elif wrapped.function in OF_TEXT and wrapped.alone:
        yield remark(f"An index of {wrapped.function}({column}); then ANALYZE counts its values.")
        yield from built(name, f"pg_catalog.{wrapped.function}({column})")
        yield f"ANALYZE {name};"
    elif wrapped.function in OF_TIME:
        yield remark(f"Compare {column} itself with the two ends of the time that is meant: not")
        yield remark("below its start, and below its end. An index on the column serves that.")
    else:
        yield remark(
            f"Compare {column} itself, and change the value instead; or create an index of"
        )
        yield remark("expression, if it always gives the same for the same column.")


finding = statement_review(
    "Function around a filtered column",
    Limits(),
    judge,
    reads=(stat_statements, statement_texts, user_tables),
    consults=(*PLANS, *CONSULTS, index_layout),
    history=(*HISTORY, SCANS),
    unit="ratio",
)
