"""query_index_advice by rows made by hand: the whole load must gain, and writes cost."""

from dataclasses import replace
from typing import Any

from alerts._base import State
from alerts.findings.queries._index_build import name_of
from alerts.findings.queries.query_index_advice import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.extensions import Extension, extensions
from collectors.index_advice import IndexAdvice, OtherStatement, index_advice
from collectors.plans import StatementPlan, plans
from collectors.user_tables import UserTable, user_tables
from tests.findings.queries.loads import did
from tests.findings.queries.test_plan_signals_rows import SCAN, plan, table
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement

TEXT = "select id from orders where status = $1"
ADVICE = IndexAdvice(
    userid=10, dbid=5, query_id=7, datname="shop", schemaname="public", relname="orders",
    columns=("status", "at"), included=("id",), null_column="deleted_at", cost_before=5000.0,
    cost_after=50.0, size_bytes=3e6, advised_at=AT, widens="orders_status_idx",
    others=(OtherStatement(10, 5, 8, 100.0, 105.0),),
)  # fmt: skip
QUIET = {"stats_reset": AT - 86400, "n_tup_ins": 1000, "n_tup_upd": 0, "n_tup_hot_upd": 0}


def judged(
    advice: IndexAdvice | None = ADVICE,
    *,
    tables: UserTable | None = None,
    planned: StatementPlan | None = None,
    extension: str = "hypopg",
    calls: int = 100,
    **use: Any,
) -> Verdict:
    rows = (statement(7, calls, seconds=50.0), statement(8, 100, **{"seconds": 50.0, **use}))
    installed: Extension = filled(Extension, datname="shop", extname=extension)
    also = (
        (index_advice, [advice] if advice else []),
        (plans, [planned] if planned else []),
        (user_tables, [tables or table(**QUIET)]),
        (extensions, [installed]),
    )
    return verdict_of(finding, did(finding, *rows, texts={7: TEXT}, also=also))


def test_index_is_named_whole_with_its_way_back() -> None:
    [subject] = judged().subjects
    evidence = subject.evidence
    cure = "\n".join(evidence.cure)
    index = "public.orders (status, at) INCLUDE (id) WHERE deleted_at IS NULL"
    name = "orders_status_at_with_id_where_deleted_at_advised"
    assert f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {index};" in cure
    assert f"DROP INDEX CONCURRENTLY public.{name};" in cure
    assert "DROP INDEX CONCURRENTLY public.orders_status_idx;" in cure
    assert evidence.facts["replaces_index"] == "orders_status_idx"
    assert "99 %" in evidence.message
    assert evidence.severity.value == "warning"


def test_another_index_has_another_name() -> None:
    """Else an index of an earlier advice would be taken for this one, and dropped as its rest."""
    long = ("a" * 30, "b" * 40)
    others = [
        ADVICE,
        replace(ADVICE, included=()),
        replace(ADVICE, null_column=None),
        replace(ADVICE, columns=long),
        replace(ADVICE, columns=(*long, "c")),
    ]
    names = [name_of(one) for one in others]
    assert len(set(names)) == len(names)
    assert max(len(name.encode()) for name in names) <= 63


def test_others_that_get_dearer_take_from_the_gain() -> None:
    """The one that is 5 % dearer takes more time than the other one saves."""
    assert judged(seconds=5000.0).state is State.healthy


def test_writes_take_from_the_gain() -> None:
    """Changes that touch no index do not."""
    busy = QUIET | {"n_tup_ins": 86400 * 300}
    assert judged(tables=table(**busy)).state is State.healthy
    hot = QUIET | {"n_tup_upd": 86400 * 300, "n_tup_hot_upd": 86400 * 300}
    assert judged(tables=table(**hot)).state is State.ill


def test_a_rare_statement_is_left_alone() -> None:
    assert judged(calls=5).state is State.healthy


def test_what_was_followed_is_gone() -> None:
    assert judged(replace(ADVICE, done_at=AT)).state is State.healthy


def test_without_hypopg_it_is_unknown_where_an_index_might_help() -> None:
    lacking = judged(None, planned=plan(SCAN), extension="plpgsql")
    assert lacking.state is State.unknown
    [unjudged] = lacking.unjudged
    assert unjudged.database == "shop"
    assert judged(None, extension="plpgsql").state is State.healthy
    assert judged(None, planned=plan(SCAN)).state is State.healthy


def test_without_a_login_it_is_not_configured() -> None:
    why = Absence("no login for plans is configured", setting="plans")
    verdict = verdict_of(finding, replace(seen(), absent={index_advice: why}))
    assert verdict.is_unconfigured
