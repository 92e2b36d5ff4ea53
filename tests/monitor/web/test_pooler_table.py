"""A pooler on the page, in the report and in `doctor`: its pools, and the servers behind it."""

from dataclasses import replace
from io import StringIO

from rich.console import Console
from starlette.testclient import TestClient

from alerts.snapshot import ServerIdentity
from collectors._base import Kind
from monitor.commands.doctor import examined_pooler
from monitor.exposition.store import Store
from monitor.reports.terminal import text
from monitor.views.overview import Overview, ServerView, TargetView
from monitor.views.pool_table import PoolLine, ServerSide
from monitor.views.summary import Summary
from monitor.views.wording import headline
from monitor.web.app import application
from monitor.web.status import status_page

LINE = PoolLine("shop", "<b>app</b>", "transaction", 12, 3, 7.5, 20, 0, None, True)
POOLER = TargetView(
    Kind.pgbouncer, "pool", ServerIdentity("pool"), pools=(LINE,), behind=("db & more",)
)
GONE = replace(POOLER, name="other", up=False, unreachable="absent", pools=(), behind=())
SEEN = Overview(
    1_700_000_000.0,
    (ServerView("db & more", ServerIdentity("db & more"), up=True),),
    (POOLER, GONE),
)


def test_the_page_has_a_table_of_pools() -> None:
    page = status_page(Summary(SEEN))
    assert "&lt;b&gt;app&lt;/b&gt;" in page
    assert 'href="/?server=db%20%26%20more"' in page
    assert "paused" in page
    assert "7.5 s" in page
    assert "unreachable: absent" in page
    assert "Nothing is known while it does not answer." in page


def test_the_report_names_poolers() -> None:
    console = Console(file=StringIO(), width=100)
    text(SEEN, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "pool: up, PgBouncer, in front of db & more" in printed
    assert "other: unreachable (absent), PgBouncer" in printed


def test_without_a_server_the_headline_is_that_of_the_poolers() -> None:
    alone = replace(SEEN, servers=())
    assert headline(Summary(alone)) == "Nothing is known yet"
    ready = TestClient(application(lambda: alone, Store())).get("/-/ready")
    assert ready.status_code == 200
    silent = replace(alone, targets=(replace(POOLER, up=False),))
    waiting = TestClient(application(lambda: silent, Store())).get("/-/ready")
    assert waiting.status_code == 503


def test_the_server_stands_beside_its_pools() -> None:
    side = ServerSide("db & more", 45, 97, 3, 20)
    seen = replace(SEEN, targets=(replace(POOLER, sides=(side,)),))
    assert "45 of 97 connection slots in use, 20 by this pooler" in status_page(Summary(seen))
    console = Console(file=StringIO(), width=100)
    text(seen, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "in front of db & more (45 of 97 slots in use, 20 by it)" in printed


def test_doctor_names_what_is_behind() -> None:
    assert "  servers behind it: db & more" in list(examined_pooler(POOLER))
    assert "  servers behind it: none that is watched" in list(
        examined_pooler(replace(POOLER, behind=()))
    )
    assert list(examined_pooler(GONE)) == ["other: not reachable (absent)"]
