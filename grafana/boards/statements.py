"""Statements."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.statement_panels import (
        plan_panels,
        statement_cost_panels,
        statement_panels,
        statement_table,
        statement_text_table,
    )

    return {
        "Statements": statement_table,
        "Texts": statement_text_table,
        "Time": statement_panels,
        "Cost": statement_cost_panels,
        "Plans": plan_panels,
    }


board = Board(
    title="Statements",
    about=(
        "Which statements take the server's time. Needs the extension pg_stat_statements;"
        " a statement is shown by its queryid, and by its text with `statement_texts: true`."
    ),
    place=60,
    rows=rows,
)
