"""Statements with their texts in metrics: those that may have series of their own."""

from collections.abc import Iterator
from heapq import nlargest

from alerts.snapshot import Snapshot
from alerts.statements.texts import STATEMENT_TEXTS
from collectors._columns import column
from collectors.stat_statements import stat_statements
from collectors.statement_labels import StatementLabel

MORE = 1.25
"""More than have series: those near the border may keep theirs."""


def labels(snapshot: Snapshot, most: int | None = None) -> Iterator[StatementLabel]:
    """Yield the texts of the statements with the most time, as far as they are known."""
    rows, bound = snapshot.rows(stat_statements), stat_statements.bound
    assert bound is not None
    count = int(MORE * (bound.top if most is None else most))
    ranked = zip(column(rows, bound.rank), column(rows, "query_id"), strict=True)
    texts = snapshot.of(STATEMENT_TEXTS)
    for query_id in dict.fromkeys(query_id for _, query_id in nlargest(count, ranked)):
        text = texts.shown(query_id)
        if text:
            yield StatementLabel(query_id, text)
