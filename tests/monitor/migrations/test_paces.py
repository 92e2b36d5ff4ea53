"""Paces: which statements of pg_stat_statements say how fast this server reads a table."""

import io

import pytest

from alerts.migrations.live import Observed
from alerts.migrations.statement import Name, Statement
from monitor.migrations.live_facts import _observed
from monitor.migrations.parsing import parsed
from monitor.migrations.progress import LogLines, TerminalLine
from monitor.migrations.script import Piece

LARGE = {Name(None, "orders"): [1000], Name("public", "orders"): [1000]}


CASES: list[tuple[str, float, str | None]] = [
    ("SELECT count(*) FROM orders", 1000, "scan"),
    ("SELECT count(*) FROM orders", 4000, "scan"),
    ("SELECT sum(total) FROM public.orders WHERE note = $1", 1000, "filtered scan"),
    ("SELECT sum(total) FROM orders WHERE note = $1", 600, None),
    ("SELECT sum(total) FROM orders WHERE note = $1", 1500, None),
    ("SELECT total, count(*) FROM orders GROUP BY 1", 1000, "filtered scan"),
    ("SELECT * FROM orders WHERE id IN (SELECT id FROM other)", 1000, None),
    ("SELECT * FROM orders WHERE note = $1 ORDER BY id", 1000, None),
    ("SELECT * FROM orders WHERE note = $1 LIMIT $2", 1000, None),
    ("SELECT * FROM other WHERE note = $1", 1000, None),
    ("SELECT * FROM orders WHERE note = $1 UNION ALL SELECT * FROM orders", 1000, None),
    ("CREATE INDEX i ON orders (total)", 1000, "index build"),
    ("CREATE INDEX CONCURRENTLY i ON orders (total)", 2000, None),
    ("COPY orders TO STDOUT", 1000, "scan"),
    ("COPY orders FROM STDIN", 1000, None),
    ("DELETE FROM orders", 1000, None),
]


@pytest.fixture(scope="module")
def read() -> dict[str, Statement]:
    """Every statement, all parsed at once: each time starts a process."""
    texts = list(dict.fromkeys(sql for sql, _, _ in CASES))
    return dict(zip(texts, parsed([Piece(1, text) for text in texts]), strict=True))


@pytest.mark.parametrize(("sql", "pages", "work"), CASES)
def test_what_reads_a_whole_table(
    read: dict[str, Statement], sql: str, pages: float, work: str | None
) -> None:
    """A condition makes it uncertain, unless as many pages were read as the table has."""
    row = {"calls": 2.0, "pages": 2 * pages, "seconds": 4.0}
    found = _observed([(read[sql], row)], LARGE)
    assert found == ((Observed(work, pages, 2.0),) if work else ())


def test_a_line_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes after a second, a few times a second, and is removed."""
    now = 0.0
    monkeypatch.setattr("monitor.migrations.progress.time.monotonic", lambda: now)
    terminal = io.StringIO()
    line = TerminalLine(terminal)
    line("one")
    assert terminal.getvalue() == ""
    now = 1.5
    line("two")
    line("three")
    line.end()
    line.end()
    assert terminal.getvalue() == "\r\x1b[Ktwo ...\r\x1b[K"


def test_lines_of_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short work says nothing; long work a line every ten seconds."""
    now = [100.0]
    monkeypatch.setattr("monitor.migrations.progress.time.monotonic", lambda: now[0])
    log = io.StringIO()
    lines = LogLines(log)
    for n in range(25):
        lines(f"tracing {n}")
        now[0] += 1
    lines.end()
    assert log.getvalue() == "tracing 10 ...\ntracing 20 ...\n"
