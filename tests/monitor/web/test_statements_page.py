"""The page of statements: texts are data, and what is not known is said."""

import json
from dataclasses import replace

from alerts.findings.queries.query_load_top import finding
from collectors.index_advice import index_advice
from collectors.plans import PlanNode, StatementPlan, plans
from monitor.web.statements_page import statements_json, statements_page
from monitor.web.statements_schema import StatementsJson
from tests.findings.queries.loads import did
from tests.findings.queries.test_index_advice_rows import ADVICE
from tests.fixtures.findings import HOSTILE
from tests.fixtures.json_checks import check_schema
from tests.fixtures.one_look import supplied
from tests.fixtures.overview import overview, primary
from tests.fixtures.statement_rows import statement


def test_texts_are_data() -> None:
    """Whatever a statement, a role or a database is called."""
    row = statement(7, 100, seconds=50.0, usename=HOSTILE, datname=HOSTILE, temp_blocks_written=9)
    snapshot = did(finding, row, texts={7: f"{HOSTILE} select 5"})
    view = replace(primary(), snapshot=snapshot)
    shown = replace(overview(), servers=(view,))
    page = statements_page(shown)
    assert HOSTILE not in page
    assert "100 %" in page
    [server] = json.loads(statements_json(shown))["servers"]
    [told] = server["rows"]
    assert (told["query_id"], told["user"], told["calls"]) == ("7", HOSTILE, 100)
    assert "5" not in told["text"]


def test_what_is_not_known_is_said() -> None:
    assert "not queried yet" in statements_page(overview())


def test_plan_and_advice_stand_below_a_statement() -> None:
    """The cost before and after: what it would be, and what it is since the index exists."""
    row = statement(7, 100, seconds=50.0)
    key = row.userid, row.dbid, row.query_id
    advice = replace(ADVICE, userid=row.userid, dbid=row.dbid, query_id=7)
    node = PlanNode(0, "Seq Scan", 9, 8, 0.0, 1000.0, "public", "orders")
    snapshot = did(finding, row, texts={7: "select 5"})
    snapshot = supplied(snapshot, plans, [StatementPlan(*key, "shop", 0.0, nodes=(node,))])
    told = []
    for one in (advice, replace(advice, done_at=5.0)):
        seen = supplied(snapshot, index_advice, [one])
        shown = replace(overview(), servers=(replace(primary(), snapshot=seen),))
        page = statements_page(shown)
        written = json.loads(statements_json(shown))
        check_schema(StatementsJson, written)
        [line] = written["servers"][0]["rows"]
        assert "Seq Scan on public.orders" in page
        assert line["advice"] in page
        told.append(line["advice"])
    assert told[0].startswith("With an index on public.orders (")
    assert told[1].startswith("Since an index on public.orders (")


def test_what_is_not_known_follows_the_schema_too() -> None:
    check_schema(StatementsJson, json.loads(statements_json(overview())))
