"""Snapshots of what statements did within an hour, made by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from alerts._base import AnyFinding
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from collectors._base import Answer, AnyCollector
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import StatementText, statement_texts
from tests.findings.settings.setting_rows import setting
from tests.fixtures.session_rows import AT, seen

HOUR = 3600.0
KEPT = {"userid", "dbid", "query_id", "usename", "datname", "entries", "stats_reset"}


def before(row: Statement) -> Statement:
    """The same statement at the start of the hour: nothing was counted yet."""
    numbers: dict[str, Any] = {
        field.name: 0
        for field in fields(Statement)
        if field.name not in KEPT and getattr(row, field.name) is not None
    }
    return replace(row, **numbers)


def did(
    finding: AnyFinding,
    *rows: Statement,
    texts: Mapping[int, str] | None = None,
    also: Iterable[tuple[AnyCollector, Sequence[Any]]] = (),
    seconds: float = HOUR,
    earlier: Iterable[tuple[AnyCollector, Sequence[Any]]] = (),
) -> Snapshot:
    """What these statements did within the last hour; `earlier` are other rows at its start."""
    first = [before(row) for row in rows]
    known = [StatementText(number, text, False) for number, text in (texts or {}).items()]
    recorder = Recorder(wants=finding.history)
    for collector, given, at in (
        (stat_statements, first, AT - seconds),
        *((collector, given, AT - seconds) for collector, given in earlier),
        (statement_texts, known, AT),
        (stat_statements, rows, AT),
        *((collector, given, AT) for collector, given in also),
    ):
        recorder.record(collector, Answer(tuple(given), at))
        recorder.catch_up()
    snapshot = seen((stat_statements, rows), (statement_texts, known), *also)
    return snapshot.with_histories(recorder.views(AT))


def block_size() -> Any:
    """The setting of the same name."""
    return setting("block_size", "8192", vartype="integer", context="internal")
