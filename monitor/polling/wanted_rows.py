"""Wanted rows: which rows to ask for, where a query names them by number."""

from collections.abc import Mapping, Sequence

from alerts.history.recorder import Recorder
from alerts.plans.history import StatementCosts
from alerts.statements.history import STATEMENTS, StatementUses
from alerts.statements.texts import STATEMENT_TEXTS, StatementTexts
from alerts.statements.wanted import wanted
from collectors._base import AnyAnswer, AnyCollector
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts

COSTS = StatementCosts()


def wanted_rows(
    collector: AnyCollector,
    newest: Mapping[AnyCollector, AnyAnswer],
    recorder: Recorder,
    now: float,
) -> Sequence[int]:
    """Return the numbers of the rows that a collector is to ask for now."""
    answer = newest.get(stat_statements)
    if collector is not statement_texts or answer is None:
        return ()
    uses = recorder.view(STATEMENTS, now) or StatementUses()
    texts = recorder.view(STATEMENT_TEXTS, now) or StatementTexts()
    return wanted(uses, answer.rows, texts, now, _changed(recorder, now))


def _changed(recorder: Recorder, now: float) -> Sequence[int]:
    """Return the query ids of statements that became dearer: their texts name their tables."""
    costs = recorder.view(COSTS, now)
    changes = costs.changes if costs else ()
    return [query_id for _, _, query_id in changes if isinstance(query_id, int)]
