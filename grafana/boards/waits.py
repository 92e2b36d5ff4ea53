"""Waits."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.wait_event_panels import client_panels, event_panels, load_panels, wait_findings

    return {
        "Findings": wait_findings,
        "Active sessions": load_panels,
        "Wait events": event_panels,
        "Clients": client_panels,
    }


board = Board(
    title="Waits",
    about="What active sessions wait for, and whose they are, averaged from a look each second.",
    place=35,
    rows=rows,
)
