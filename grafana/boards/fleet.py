"""Start page: all servers at a glance."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.fleet_panels import fleet_panels
    from grafana.verdict_panels import unjudged_panels, verdict_panels

    return {"Verdicts": verdict_panels, "Servers": fleet_panels, "Not judged": unjudged_panels}


board = Board(
    title="Fleet",
    about="All servers that pgvigil watches: findings, and what is unknown.",
    place=10,
    rows=rows,
)
