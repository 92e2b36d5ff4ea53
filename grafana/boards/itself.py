"""pgvigil itself."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.daemon_panels import cost, own_findings, reach, up_to_date
    from grafana.verdict_panels import count_panels

    return {
        "Verdicts": count_panels,
        "Findings": own_findings,
        "Reach": reach,
        "Age": up_to_date,
        "Cost": cost,
    }


board = Board(
    title="pgvigil itself",
    about="What pgvigil can't see, the age of its answers, and its cost.",
    place=70,
    rows=rows,
)
