"""Panels about statements, from pg_stat_statements."""

from collections.abc import Iterator

from grafana.panels import BLOCKS, YES_OR_NO, Column, Panel, Query, listing, ranking
from grafana.queries import DATABASE_NAMED, by, fact, in_databases, rate

STATEMENT = "datname, user, queryid"
NAMED = f"{{{{queryid}}}}, {DATABASE_NAMED}, {{{{user}}}}"
EMPTY = "No statements are known: the finding pgss_missing tells why."
NONE = "none, {{server}}"
"""Legend of a server whose statements are known, and did nothing of what a panel shows."""
ADVISED = "datname, queryid, schemaname, relname, index_columns"
SHOWN = 15


def statement_table() -> Iterator[Panel]:
    """Table of the busiest statements, with several measures."""
    seconds, calls = _sum("seconds_total"), _sum("calls_total")
    busiest = f"topk({SHOWN}, {seconds})"
    measures = {
        "Busy": (seconds, "percentunit"),
        "Calls": (calls, "ops"),
        "Mean time": (f"{seconds} / ({calls} > 0)", "s"),
        "Rows": (_sum("rows_total"), "rowsps"),
        "Blocks read": (_sum("shared_blocks_read_total"), BLOCKS),
        "WAL": (f"round({_sum('wal_bytes_total')})", "Bps"),
    }
    values = [f"Value #{name}" for name in "ABCDEF"]
    yield listing(
        "Busiest statements",
        "Busy: average number of sessions that execute it. Values are means over some minutes."
        " The daemon's page /statements has the texts.",
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


def statement_text_table() -> Iterator[Panel]:
    """Table of the texts of the busiest statements."""
    seconds = by("sum", "queryid", rate(in_databases("pg_stat_statements_seconds_total")))
    text = by("max", "queryid, query", fact("pg_stat_statements_query_id"))
    yield listing(
        "Texts of the busiest statements",
        "Without values. Busy: average number of sessions that execute it.",
        [f"topk({SHOWN}, {seconds}) * on (server, queryid) group_left (query) {text}"],
        {
            "query": Column("Statement"),
            "queryid": Column("Query id", width=190),
            "server": Column("Server", width=160),
            "Value": Column("Busy", unit="percentunit", width=120),
        },
        hidden=(),
        empty="No texts: the setting statement_texts is off, or none was read yet.",
        height=10,
        worst=("Busy",),
    )


def statement_panels() -> Iterator[Panel]:
    seconds, calls = _sum("seconds_total"), _sum("calls_total")
    yield _top(
        "Busiest statements over time",
        "Average number of sessions that execute the statement.",
        "percentunit",
        seconds,
        least=1e-4,
    )
    yield _top("Most frequent statements", "Executions a second.", "ops", calls)
    yield _top(
        "Slowest statements",
        "Mean time of an execution; no line without executions.",
        "s",
        f"{seconds} / ({calls} > 0)",
    )
    yield _top("Rows", "Rows a second that were returned or changed.", "rowsps", _sum("rows_total"))


def statement_cost_panels() -> Iterator[Panel]:
    for title, about, unit, name, least in (
        ("Blocks read", "Not found in shared buffers.", BLOCKS, "shared_blocks_read_total", 0),
        ("Temporary blocks", "Read and written in files.", BLOCKS, "temp_blocks_total", 0),
        ("WAL", "Bytes of WAL.", "Bps", "wal_bytes_total", 1),
        (
            "Time reading",
            "Average number of sessions in it.",
            "percentunit",
            "block_read_seconds_total",
            1e-4,
        ),
        (
            "Time writing",
            "Average number of sessions in it.",
            "percentunit",
            "block_write_seconds_total",
            1e-4,
        ),
        (
            "Blocks dirtied",
            "Blocks dirtied by the statement.",
            BLOCKS,
            "shared_blocks_dirtied_total",
            0,
        ),
    ):
        yield _top(title, f"{about} Per second.", unit, _sum(name), least)


def plan_panels() -> Iterator[Panel]:
    """Make panels of plans of the dearest statements, where a login for plans is configured."""
    shown = (
        ("pg_index_advice_cost_before", "Cost before", "short"),
        ("pg_index_advice_cost_after", "Cost after", "short"),
        ("pg_index_advice_size_bytes", "Size", "bytes"),
        ("pg_index_advice_built", "Built", YES_OR_NO),
    )
    columns = {
        f"Value #{name}": Column(title, unit=unit, width=110)
        for name, (_, title, unit) in zip("ABCD", shown, strict=True)
    }
    yield listing(
        "Advised indexes",
        "Indexes with which the planner would execute a statement at less cost, as HypoPG shows."
        " The finding query_index_advice prints the statement that builds one; the cost after it"
        " was built is the one that was found then.",
        [by("max", ADVISED, in_databases(name)) for name, _, _ in shown],
        {
            "schemaname": Column("Schema", width=110),
            "relname": Column("Table"),
            "index_columns": Column("Columns"),
            "queryid": Column("Query id", width=190),
            "server": Column("Server", width=110),
            "datname": Column("Database", width=110),
            **columns,
        },
        hidden=(),
        empty="No index is advised. Advice needs a login for plans and the extension hypopg.",
        span=12,
        worst=("Cost before",),
    )
    cost = by("max", "datname, queryid", in_databases("pg_statement_plan_cost"))
    yield ranking(
        "Cost of plans",
        "The planner's cost of the statements with the most time. A step is another plan, or other"
        " statistics.",
        "short",
        Query(f"topk(10, {cost})", f"{{{{queryid}}}}, {DATABASE_NAMED}"),
        empty="No plan is known. Plans need a login of their own (docs/plans.md).",
    )


def _sum(name: str) -> str:
    return by("sum", STATEMENT, rate(in_databases(f"pg_stat_statements_{name}")))


def _top(title: str, about: str, unit: str, value: str, least: float = 0) -> Panel:
    """Make a top-ten panel of values above `least`, with a line for servers that have none."""
    about = f"{about} The top ten statements; `none` is a server that has no such statement."
    known = by("max", "", rate(in_databases("pg_stat_statements_calls_total")))
    queries = (
        Query(f"topk(10, {value} > {least:g})", NAMED),
        Query(f"0 * {known} unless on (server) ({value} > {least:g})", NONE),
    )
    # With nothing but zeros, the axis ends at the least value instead of 100.
    return ranking(title, about, unit, *queries, empty=EMPTY).axis_soft_max(least)
