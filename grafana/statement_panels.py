"""Which statements take the server's time, from pg_stat_statements."""

from collections.abc import Iterator

from grafana.panels import Column, Panel, Query, listing, ranking
from grafana.queries import DATABASE_NAMED, by, in_databases, rate

STATEMENT = "datname, user, queryid"
NAMED = f"{{{{queryid}}}} of {{{{user}}}}, {DATABASE_NAMED}"
EMPTY = "No statement has any; or the extension pg_stat_statements is not there."
SHOWN = 15


def statement_table() -> Iterator[Panel]:
    """The same statements in each column: those that keep the server busiest."""
    seconds, calls = _sum("seconds_total"), _sum("calls_total")
    busiest = f"topk({SHOWN}, {seconds})"
    measures = {
        "Busy": (seconds, "percentunit"),
        "Calls": (calls, "ops"),
        "Mean time": (f"{seconds} / ({calls} > 0)", "s"),
        "Rows": (_sum("rows_total"), "rowsps"),
        "Blocks read": (_sum("shared_blocks_read_total"), "ops"),
        "WAL": (f"round({_sum('wal_bytes_total')})", "Bps"),
    }
    values = [f"Value #{name}" for name in "ABCDEF"]
    yield listing(
        "Busiest statements",
        "Busy is the share of a session; all are means over the last minutes."
        " Who may read the text finds it by the queryid in pg_stat_statements.",
        [f"{value} and {busiest}" for value, _ in measures.values()],
        {
            "queryid": Column("Query id", width=190),
            "user": Column("User"),
            "server": Column("Server"),
            "datname": Column("Database"),
            **{
                value: Column(title, unit=unit, width=120)
                for value, (title, (_, unit)) in zip(values, measures.items(), strict=True)
            },
        },
        hidden=(),
        empty=EMPTY,
        height=12,
        worst=("Busy",),
    )


def statement_panels() -> Iterator[Panel]:
    seconds, calls = _sum("seconds_total"), _sum("calls_total")
    yield _top(
        "Busiest statements over time", "Share of a session.", "percentunit", seconds, least=1e-4
    )
    yield _top("Most frequent statements", "Executions a second.", "ops", calls)
    yield _top(
        "Slowest statements",
        "Mean time of an execution; no line while it was not executed.",
        "s",
        f"{seconds} / ({calls} > 0)",
    )
    yield _top("Rows", "Rows a second that were returned or changed.", "rowsps", _sum("rows_total"))


def statement_cost_panels() -> Iterator[Panel]:
    for title, about, unit, name, least in (
        ("Blocks read", "Not found in shared buffers.", "ops", "shared_blocks_read_total", 0),
        ("Temporary blocks", "Read and written in files.", "ops", "temp_blocks_total", 0),
        ("WAL", "Bytes of WAL.", "Bps", "wal_bytes_total", 1),
        ("Time reading", "Of a session.", "percentunit", "block_read_seconds_total", 1e-4),
        ("Time writing", "Of a session.", "percentunit", "block_write_seconds_total", 1e-4),
        ("Blocks dirtied", "Changed first by it.", "ops", "shared_blocks_dirtied_total", 0),
    ):
        yield _top(title, f"{about} Per second.", unit, _sum(name), least)


def _sum(name: str) -> str:
    return by("sum", STATEMENT, rate(in_databases(f"pg_stat_statements_{name}")))


def _top(title: str, about: str, unit: str, value: str, least: float = 0) -> Panel:
    """Without those that take next to nothing: `least` of the unit or less."""
    about = f"{about} The ten statements with most."
    query = Query(f"topk(10, {value} > {least:g})", NAMED)
    return ranking(title, about, unit, query, empty=EMPTY)
