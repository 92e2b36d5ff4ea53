"""Tables and indexes."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.relation_panels import index_panels, relation_findings, table_panels, vacuum_panels

    return {
        "Findings": relation_findings,
        "Tables": table_panels,
        "Vacuum": vacuum_panels,
        "Indexes and sequences": index_panels,
    }


board = Board(
    title="Tables and indexes",
    about="Tables and indexes: size, use, and progress of vacuum.",
    place=50,
    rows=rows,
)
