"""A statement reads a large table from end to end each time, for few of its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import identifier, remark
from alerts.findings.queries._full_scans import SCANS, FullScan, full_scans
from alerts.findings.queries._plans import PLANS
from alerts.findings.queries._statement import CONSULTS, HISTORY, HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.statements.load import Load
from alerts.units import Duration, Share, bytes_text, duration_text, number_text, share_text
from collectors.index_layout import index_layout
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables

MOST = 5
"""Statements that are named, those with the most time."""
LEAST_PAGES = 1000
"""Pages of a table from which reading all of them takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window: a report may read everything."""
    min_share: Share = 0.01
    """Share of the execution time of all statements."""
    grave_share: Share = 0.2
    """Share from which it is a warning."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    found = full_scans(snapshot, load, limits.min_calls, LEAST_PAGES)
    ill = (scan for scan in found if scan.ran.share >= limits.min_share and scan.wrapped is None)
    for scan, _ in zip(ill, range(MOST), strict=False):
        yield evidence(load, scan, limits)


def evidence(load: Load, scan: FullScan, limits: Limits) -> Evidence:
    ran, table = scan.ran, scan.table
    name = identifier(table.schemaname, table.relname)
    columns = ", ".join(identifier(column) for column in scan.compared)
    return told(
        load,
        ran,
        ran.share,
        f"{ran.brief} reads all of {name} ({bytes_text(scan.pages * load.block)}) each of"
        f" {ran.use.calls:,.0f} times within {duration_text(ran.seconds)}, for"
        f" {number_text(scan.rows)} of its rows: {share_text(ran.share)} of the time of"
        " all statements.",
        {
            "table": name,
            "filter_columns": columns or None,
            "table_pages": round(scan.pages),
            "blocks_per_call": scan.blocks,
            "rows_per_call": scan.rows,
            "table_scans": scan.scans,
        },
        tuple(advice(name, columns)),
        Severity.warning if ran.share >= limits.grave_share else Severity.info,
    )


def advice(name: str, columns: str) -> Iterator[str]:
    if columns:
        yield remark(f"It compares {columns} with values; no index on {name} serves that well.")
    yield remark("1. EXPLAIN (ANALYZE, BUFFERS) it with values as the application sends them.")
    yield remark("2. Where the Seq Scan's filter removes nearly all rows, create an index on the")
    yield remark("filtered columns, CONCURRENTLY: those compared for equality first, the most")
    yield remark("selective one at the front. A column with few values is no use by itself.")


finding = statement_review(
    "Statement reads a whole table",
    Limits(),
    judge,
    severities=(Severity.info, Severity.warning),
    reads=(stat_statements, statement_texts, user_tables),
    consults=(*PLANS, *CONSULTS, index_layout),
    history=(*HISTORY, SCANS),
    unit="ratio",
)
