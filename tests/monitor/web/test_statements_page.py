"""The page of statements: texts are data, and what is not known is said."""

import json
from dataclasses import replace

from alerts.findings.queries.query_load_top import finding
from monitor.web.statements_page import statements_json, statements_page
from tests.findings.queries.loads import did
from tests.fixtures.findings import HOSTILE
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
