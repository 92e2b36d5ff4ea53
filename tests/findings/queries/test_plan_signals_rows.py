"""query_plan_signals by rows made by hand: each signal, what is not quite one, and unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import State
from alerts.findings.queries.query_plan_signals import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.plans import Comparison, Condition, PlanNode, StatementPlan, plans
from collectors.user_tables import UserTable, user_tables
from tests.findings.queries.loads import did
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement

PAGES = 4000
STATUS = (Condition("status", Comparison.equal),)
SCAN = PlanNode(0, "Seq Scan", 20, 8, 0.0, 5000.0, "public", "orders", conditions=STATUS)
USE = {"calls": 100, "seconds": 50.0, "rows": 500, "shared_blocks_hit": 100 * PAGES}


def plan(*nodes: PlanNode, **given: Any) -> StatementPlan:
    return replace(StatementPlan(10, 5, 7, "shop", AT, nodes=nodes), **given)


def table(**given: Any) -> UserTable:
    facts = {"datname": "shop", "relid": 5, "schemaname": "public", "relname": "orders"}
    facts |= {"relpages": PAGES, "reltuples": 100_000.0, "n_live_tup": 100_000}
    made: UserTable = filled(UserTable, **facts | given)
    return made


def judged(one: StatementPlan, tables: UserTable | None = None, **use: Any) -> Verdict:
    rows = (statement(7, **{**USE, **use}), statement(8, 100, seconds=50.0))
    also = ((plans, [one]), (user_tables, [tables or table()]))
    texts = {7: "select id from orders where status = 'x'"}
    return verdict_of(finding, did(finding, *rows, texts=texts, also=also))


def node(kind: str, depth: int = 0, rows: float = 10, **given: Any) -> PlanNode:
    return replace(PlanNode(depth, kind, rows, 100, 0.0, 100.0), **given)


def index_scan(depth: int, rows: float, name: str = "orders") -> PlanNode:
    facts = {"schemaname": "public", "relname": name, "conditions": STATUS}
    return node("Index Scan", depth, rows, **facts)


LOOP = (
    node("Nested Loop", rows=50_000),
    index_scan(1, 50_000, "customers"),
    index_scan(1, 1),
)


@pytest.mark.parametrize(
    ("nodes", "use", "signal"),
    [
        ((SCAN,), {}, "sequential scan"),
        ((index_scan(0, 5),), {"rows": 200_000}, "row estimate"),
        (
            (node("Sort", rows=9e5), replace(SCAN, depth=1, conditions=())),
            {"temp_blocks_written": 20_000},
            "spill",
        ),
        (LOOP, {"shared_blocks_hit": 100 * 150_000}, "nested loop"),
        (
            (index_scan(0, 5),),
            {"shared_blocks_read": 300_000, "shared_blocks_hit": 0},
            "blocks read",
        ),
    ],
)
def test_each_signal_names_its_table(
    nodes: tuple[PlanNode, ...], use: dict[str, Any], signal: str
) -> None:
    verdict = judged(plan(*nodes), **use)
    [subject] = verdict.subjects
    facts = subject.evidence.facts
    assert (facts["signals"], facts["table"]) == (signal, "public.orders")
    assert "'" not in subject.evidence.message


@pytest.mark.parametrize(
    ("nodes", "use"),
    [
        ((replace(SCAN, rows=50_000),), {}),  # the filter leaves half of the rows
        ((SCAN,), {"shared_blocks_hit": 100 * 50}),  # with its values it is executed otherwise
        ((replace(SCAN, conditions=()),), {}),  # everything is wanted
        ((SCAN,), {"calls": 3}),
        ((SCAN,), {"seconds": 0.1}),
        ((index_scan(0, 50),), {"rows": 200_000}),  # 40 times as many
        ((node("Limit"), index_scan(1, 5)), {"rows": 200_000}),
        ((node("Sort"), replace(SCAN, depth=1, rows=9e4)), {"temp_blocks_written": 1000}),
        (LOOP, {"shared_blocks_hit": 100 * 900}),
        ((index_scan(0, 5),), {"shared_blocks_read": 30_000, "shared_blocks_hit": 0}),
    ],
)
def test_not_quite(nodes: tuple[PlanNode, ...], use: dict[str, Any]) -> None:
    assert judged(plan(*nodes), **use).state is State.healthy


def test_a_range_is_only_guessed() -> None:
    """The planner takes a third of the rows for any range of which it does not know the values."""
    guessed = replace(index_scan(0, 5), conditions=(Condition("at", Comparison.range),))
    assert judged(plan(guessed), rows=200_000).state is State.healthy


def test_a_small_table_may_be_read() -> None:
    assert judged(plan(SCAN), table(relpages=90)).state is State.healthy


def test_much_of_the_load_is_a_warning() -> None:
    [half] = judged(plan(SCAN)).subjects
    assert half.evidence.severity.value == "warning"


def test_what_is_denied_is_unknown_with_its_grant() -> None:
    """A statement that can't be planned at all is not."""
    grant = "GRANT SELECT ON TABLE public.orders TO pgvigil_plans;"
    verdict = judged(plan(reason="may not read", is_denied=True, grant=grant))
    assert verdict.state is State.unknown
    [unjudged] = verdict.unjudged
    assert (unjudged.grant, unjudged.database) == (grant, "shop")
    assert judged(plan(reason="it is no query")).state is State.healthy


def test_without_a_login_it_is_not_configured() -> None:
    why = Absence("no login for plans is configured", setting="plans")
    verdict = verdict_of(finding, replace(seen(), absent={plans: why}))
    assert verdict.is_unconfigured
