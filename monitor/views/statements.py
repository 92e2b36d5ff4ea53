"""Statements of one server as a table: what each took within the last hour."""

from dataclasses import dataclass
from datetime import timedelta

from alerts.plans.advice_text import advice_text
from alerts.plans.known import all_plans
from alerts.snapshot import Snapshot, Unknown
from alerts.statements.history import STATEMENTS
from alerts.statements.load import Load, Ran
from collectors.index_advice import IndexAdvice, index_advice
from collectors.plans import StatementPlan
from monitor.views.plan_lines import plan_lines

HOUR = timedelta(hours=1)
SHOWN = 50
"""Statements; those that took the most time."""
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One statement within the time that was seen."""

    query_id: str
    text: str | None
    """Without values; None if it was not read yet."""
    user: str
    database: str | None
    share: float
    """Of the execution time of all statements."""
    calls: float
    calls_per_second: float
    mean_seconds: float | None
    rows_per_call: float | None
    blocks_per_call: float | None
    """Of shared buffers, found there or read."""
    read_bytes: float
    spilled_bytes: float
    wal_bytes: float
    trend: tuple[float, ...]
    """Mean number of sessions that executed it in each of the last whole windows."""
    plan: tuple[str, ...] = ()
    """Lines of its plan, without values; empty if it is not known."""
    advice: str | None = None
    """An index that the planner would use, or uses since it was advised; None if there is none."""
    no_plan: str | None = None
    """Why the planner could not tell it; None if it did, or was not asked."""

    @property
    def bars(self) -> str:
        """Draw the trend, each window relative to the highest."""
        most = max(self.trend, default=0.0)
        if most <= 0:
            return ""
        return "".join(BARS[min(7, int(8 * value / most))] for value in self.trend)


@dataclass(frozen=True, slots=True)
class StatementTable:
    """The statements that took the most time."""

    unknown: str | None = None
    """Why they are not known; None if they are."""
    grant: str | None = None
    """The statement that would allow it."""
    rows: tuple[StatementRow, ...] = ()
    seconds: float = 0.0
    """How long they were watched."""
    sessions: float = 0.0
    """Mean number of sessions that executed a statement."""
    others: int = 0
    """Statements that are not shown."""
    other_share: float = 0.0


def statement_table(snapshot: Snapshot) -> StatementTable:
    """Return the table; not in the event loop, for there may be thousands of statements."""
    try:
        uses = snapshot.of(STATEMENTS).over(HOUR)
        if uses is None:
            return StatementTable("looked at once; rates are known after the next look")
        load = Load.seen_in(snapshot, uses)
    except Unknown as unknown:
        return StatementTable(unknown.reason, unknown.grant)
    by_key = {(one.userid, one.dbid, one.query_id): one for one in all_plans(snapshot, load)}
    advised = snapshot.rows(index_advice) if snapshot.has(index_advice) else ()
    by_statement = {one.key: one for one in advised}
    rows = [
        _row(load, ran, by_key.get(ran.key), by_statement.get(ran.key))
        for ran in load.top("seconds", SHOWN)
    ]
    return StatementTable(
        rows=tuple(rows),
        seconds=uses.seconds,
        sessions=load.sessions,
        others=max(0, len(uses) - len(rows)),
        other_share=max(0.0, 1 - sum(row.share for row in rows)) if load.total else 0.0,
    )


def _row(
    load: Load, ran: Ran, plan: StatementPlan | None, advice: IndexAdvice | None
) -> StatementRow:
    use = ran.use
    return StatementRow(
        query_id=ran.query_id,
        text=ran.text,
        user=ran.user,
        database=ran.database,
        share=ran.share,
        calls=use.calls,
        calls_per_second=use.calls / ran.seconds if ran.seconds else 0.0,
        mean_seconds=_each(ran, "seconds"),
        rows_per_call=_each(ran, "rows"),
        blocks_per_call=_each(ran, "blocks"),
        read_bytes=use.shared_blocks_read * load.block,
        spilled_bytes=use.temp_blocks_written * load.block,
        wal_bytes=use.wal_bytes,
        trend=tuple(load.trend(ran.key)),
        plan=plan_lines(plan) if plan else (),
        advice=advice_text(advice) if advice else None,
        no_plan=plan.reason if plan else None,
    )


def _each(ran: Ran, name: str) -> float | None:
    return ran.use.each(name) if ran.use.calls else None
