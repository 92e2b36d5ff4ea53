"""The plan of an expensive statement shows why it is expensive, with the table and the columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.findings.queries._plans import denied, planned
from alerts.findings.queries._statement import CONSULTS, HOUR, statement_review, told
from alerts.limits import FIXED, BaseLimits
from alerts.plans.signals import Signal, signals, tables_of
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.units import Duration, Share, share_text
from collectors.logged_plans import logged_plans
from collectors.plans import StatementPlan, plans
from collectors.stat_statements import stat_statements
from collectors.user_tables import user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which executions are measured, at most one hour."""
    min_calls: Annotated[int, FIXED] = 20
    """Executions within the window: a report may be expensive."""
    min_share: Share = 0.01
    """Share of the execution time of all statements."""
    grave_share: Share = 0.2
    """Share from which it is a warning."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    yield from denied(snapshot)
    load = Load.of(snapshot, limits.window)
    if isinstance(load, Unjudged):
        yield load
        return
    found = list(planned(snapshot, load, limits.min_calls, limits.min_share))
    tables = tables_of(snapshot, [plan for plan, _ in found])
    for plan, ran in found:
        seen = list(signals(plan, ran, tables.get(plan.datname, {}), load.block))
        if seen:
            yield evidence(load, ran, plan, seen, limits)


def evidence(
    load: Load, ran: Ran, plan: StatementPlan, seen: Sequence[Signal], limits: Limits
) -> Evidence:
    because = "; it ".join(one.sentence for one in seen)
    return told(
        load,
        ran,
        ran.share,
        f"{ran.brief} takes {share_text(ran.share)} of the time of all statements: it {because}.",
        facts(plan, seen),
        tuple(remark(one.advice) for one in seen),
        Severity.warning if ran.share >= limits.grave_share else Severity.info,
    )


def facts(plan: StatementPlan, seen: Sequence[Signal]) -> Mapping[str, float | str | None]:
    first = next((one for one in seen if one.table), None)
    return {
        "signals": ", ".join(one.name for one in seen),
        "table": first.table if first else None,
        "columns": ", ".join(first.columns) if first and first.columns else None,
        "plan_cost": plan.cost,
        "plan_rows": plan.nodes[0].rows,
    }


finding = statement_review(
    "Plan of an expensive statement",
    Limits(),
    judge,
    severities=(Severity.info, Severity.warning),
    reads=(stat_statements, user_tables),
    consults=(plans, logged_plans, *CONSULTS),
    unit="ratio",
)
