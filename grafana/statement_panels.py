"""Which statements take the server's time, from pg_stat_statements."""

from collections.abc import Iterator

from grafana.panels import Panel, Query, graph
from grafana.queries import in_databases, rate

STATEMENT = "datname, user, queryid"
NAMED = "{{datname}}: {{queryid}} of {{user}}"


def statement_panels() -> Iterator[Panel]:
    seconds, calls = _sum("seconds_total"), _sum("calls_total")
    yield _top("Busiest statements", "Sessions kept busy, on average.", "short", seconds, 12)
    yield _top("Most frequent statements", "Executions a second.", "ops", calls, 12)
    yield _top(
        "Slowest statements",
        "Mean time of an execution; no line while it was not executed.",
        "s",
        f"{seconds} / ({calls} > 0)",
        12,
    )
    yield _top("Rows", "Rows a second that were returned or changed.", "rowsps", _sum("rows_total"))


def statement_cost_panels() -> Iterator[Panel]:
    for title, about, unit, name in (
        ("Blocks read", "Blocks not found in shared buffers.", "ops", "shared_blocks_read_total"),
        ("Temporary blocks", "Read and written in files.", "ops", "temp_blocks_total"),
        ("WAL", "Bytes of WAL.", "Bps", "wal_bytes_total"),
        ("Time reading", "Share of a session.", "percentunit", "block_read_seconds_total"),
        ("Time writing", "Share of a session.", "percentunit", "block_write_seconds_total"),
        ("Blocks dirtied", "Blocks changed first by it.", "ops", "shared_blocks_dirtied_total"),
    ):
        yield _top(title, f"{about} Per second.", unit, _sum(name), 8)


def _sum(name: str) -> str:
    return f"sum by ({STATEMENT}) ({rate(in_databases(f'pg_stat_statements_{name}'))})"


def _top(title: str, about: str, unit: str, value: str, span: int = 12) -> Panel:
    about = f"{about} The ten statements with most."
    return graph(title, about, unit, Query(f"topk(10, {value})", NAMED), span=span)
