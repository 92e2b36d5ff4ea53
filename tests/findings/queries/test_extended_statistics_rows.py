"""extended_statistics_candidate by rows made by hand: certain, and what is not quite."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.queries.extended_statistics_candidate import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.plans import ColumnShare, Comparison, Condition, PlanNode, StatementPlan, plans
from collectors.user_tables import user_tables
from monitor.planner.shares import shares_of
from tests.findings.queries.loads import did
from tests.findings.queries.test_plan_signals_rows import plan, table
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen
from tests.fixtures.statement_rows import statement

BOTH = (Condition("city", Comparison.equal), Condition("country", Comparison.equal))
SCAN = PlanNode(0, "Seq Scan", 50, 8, 0.0, 900.0, "public", "orders", conditions=BOTH)
SHARES = (ColumnShare("city", 0.02), ColumnShare("country", 0.025))
PLAN = plan(SCAN, shares=SHARES)


def judged(
    one: StatementPlan = PLAN, rows: float = 2000, calls: int = 100, **given: Any
) -> Verdict:
    """100,000 rows: independent columns leave 50 of them at most."""
    facts = {"n_mod_since_analyze": 0} | given
    statements = (statement(7, calls, seconds=50.0, rows=int(rows * calls)),)
    also = ((plans, [one]), (user_tables, [table(**facts)]))
    return verdict_of(finding, did(finding, *statements, texts={7: "select 1"}, also=also))


def test_columns_are_named_with_the_way_back() -> None:
    [subject] = judged().subjects
    cure = "\n".join(subject.evidence.cure)
    name = "public.orders_city_country_depend"
    assert f"CREATE STATISTICS {name} (ndistinct, dependencies)" in cure
    assert "ANALYZE public.orders;" in cure
    assert f"DROP STATISTICS {name};" in cure


@pytest.mark.parametrize(
    ("one", "given"),
    [
        (PLAN, {"rows": 400}),  # 8 times as many
        (PLAN, {"rows": 90, "calls": 5}),
        # Frequent values, and independent columns: as many rows are possible.
        (replace(PLAN, shares=(ColumnShare("city", 0.5), ColumnShare("country", 0.5))), {}),
        (replace(PLAN, has_statistics=True), {}),
        (replace(PLAN, shares=()), {}),
        (PLAN, {"n_mod_since_analyze": 50_000}),  # the statistics are old
        (replace(PLAN, nodes=(replace(SCAN, rows=1500),)), {}),
    ],
)
def test_not_quite(one: StatementPlan, given: dict[str, Any]) -> None:
    assert judged(one, **given).state is State.healthy


def test_without_a_login_it_is_not_configured() -> None:
    why = Absence("no login for plans is configured", setting="plans")
    assert verdict_of(finding, replace(seen(), absent={plans: why})).is_unconfigured


class NoTable:
    """A session that knows no column."""

    def __init__(self) -> None:
        self.asked = 0

    async def fetch(self, *_: object) -> list[Any]:
        self.asked += 1
        return []


@pytest.mark.parametrize(("columns", "asked"), [(1, 0), (2, 1), (8, 1), (9, 0)])
async def test_more_columns_than_an_object_can_have(columns: int, asked: int) -> None:
    """CREATE STATISTICS takes two to eight."""
    conditions = tuple(Condition(f"c{n}", Comparison.equal) for n in range(columns))
    session: Any = NoTable()
    assert await shares_of(session, [replace(SCAN, conditions=conditions)]) == ((), False)
    assert session.asked == asked
