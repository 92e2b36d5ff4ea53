"""An index that does not exist would make an expensive statement cheaper, by the planner itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.findings.queries._index_build import cure
from alerts.findings.queries._plans import planned
from alerts.findings.queries._statement import HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits
from alerts.plans.advice_text import index_text
from alerts.plans.signals import selective_scans, tables_of
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, Share, bytes_text, share_text
from collectors._base import Role
from collectors._columns import where
from collectors.extensions import extensions
from collectors.index_advice import IndexAdvice, index_advice
from collectors.plans import plans
from collectors.stat_statements import stat_statements
from collectors.user_tables import UserTable, user_tables

HYPOPG = "hypopg"
WRITE = 50e-6
"""Seconds that a new row, or a changed one, costs in one more index."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window."""
    min_gain: Share = 0.01
    """Share of the execution time of all statements that it saves, less what writes then cost."""
    grave_gain: Share = 0.2
    """Share from which it is a warning."""


@dataclass(frozen=True, slots=True)
class Gain:
    """Gain of an index within the window."""

    share: float
    """Of the execution time of all statements, less the cost of writes."""
    writes: float
    """Rows a second that would have to be written into it."""
    dearest: float
    """Times the cost of the other statement that suffers most; at least 1."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    advised = snapshot.rows(index_advice)
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    yield from _without_extension(snapshot, load, limits)
    for advice in advised:
        if advice.done_at is None and advice.key in load.uses:
            ran, table = load.ran(advice.key, load.uses[advice.key]), _table(snapshot, advice)
            gain = gain_of(load, advice, table, snapshot.at)
            if ran.use.calls >= limits.min_calls and gain.share >= limits.min_gain:
                yield evidence(load, ran, advice, gain, limits)


def _without_extension(snapshot: Snapshot, load: Load, limits: Limits) -> Iterator[Unjudged]:
    """Yield the databases where an index could help, and cannot be tried."""
    rows = snapshot.rows(extensions)
    has = {row.datname for row in rows if row.extname == HYPOPG}
    seen = {row.datname for row in rows}
    found = list(planned(snapshot, load, limits.min_calls, limits.min_gain))
    tables = tables_of(snapshot, [plan for plan, _ in found])
    lacking = dict.fromkeys(
        plan.datname
        for plan, _ in found
        if plan.datname in seen - has and any(selective_scans(plan, tables.get(plan.datname, {})))
    )
    for database in lacking:
        yield Unjudged("the extension hypopg, with which indexes are tried, is not there", database)


def _table(snapshot: Snapshot, advice: IndexAdvice) -> UserTable | None:
    for row in where(snapshot.rows(user_tables), "relname", {advice.relname}):
        path = row.datname, row.schemaname, row.relname
        if path == (advice.datname, advice.schemaname, advice.relname):
            return row
    return None


def gain_of(load: Load, advice: IndexAdvice, table: UserTable | None, at: float) -> Gain:
    """Return what the index saves for all statements that are known to read the table."""
    ratios = {advice.key: advice.ratio, **{one.key: one.ratio for one in advice.others}}
    saved = sum(
        load.uses[key].seconds * (1 - ratio) for key, ratio in ratios.items() if key in load.uses
    )
    writes = _writes(table, at)
    net = saved - writes * WRITE * load.uses.seconds
    share = net / load.total if load.total > 0 else 0.0
    return Gain(share, writes, max(1.0, *ratios.values()))


def _writes(table: UserTable | None, at: float) -> float:
    """Return the rows a second that are new or whose index entries are, since the last reset."""
    if table is None or table.stats_reset is None or at <= table.stats_reset:
        return 0.0
    written = table.n_tup_ins + table.n_tup_upd - table.n_tup_hot_upd
    return written / (at - table.stats_reset)


def evidence(load: Load, ran: Ran, advice: IndexAdvice, gain: Gain, limits: Limits) -> Evidence:
    return told(
        load,
        ran,
        gain.share,
        f"{ran.brief} would cost {share_text(1 - advice.ratio)} less with an index on"
        f" {index_text(advice)} (about {bytes_text(advice.size_bytes)}), which saves"
        f" {share_text(gain.share)} of the time of all statements.",
        {
            "table": index_text(advice).partition(" (")[0],
            "index": index_text(advice),
            "cost_before": advice.cost_before,
            "cost_after": advice.cost_after,
            "index_bytes": advice.size_bytes,
            "writes_per_second": gain.writes,
            "other_statements": len(advice.others),
            "dearest_other_ratio": gain.dearest,
            "replaces_index": advice.widens,
        },
        tuple(cure(advice)),
        Severity.warning if gain.share >= limits.grave_gain else Severity.info,
    )


finding = statement_review(
    "Index that the planner would use",
    Limits(),
    judge,
    severities=(Severity.info, Severity.warning),
    reads=(index_advice, plans, stat_statements, user_tables, extensions),
    unit="ratio",
    on=Role.primary,
)
