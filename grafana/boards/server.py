"""One server."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.io_panels import checkpoint_panels, io_panels, size_panels, wal_panels
    from grafana.server_panels import session_panels, transaction_panels, wait_panels
    from grafana.verdict_panels import server_findings

    return {
        "Findings": server_findings,
        "Sessions": session_panels,
        "Waits": wait_panels,
        "Transactions": transaction_panels,
        "Input and output": io_panels,
        "Checkpoints": checkpoint_panels,
        "WAL": wal_panels,
        "Space and age": size_panels,
    }


board = Board(
    title="Server",
    about="One server: its findings, then its activity.",
    place=20,
    rows=rows,
)
