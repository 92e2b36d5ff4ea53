"""Locks and deadlocks."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.lock_panels import deadlock_panels, lock_findings, lock_panels

    return {"Findings": lock_findings, "Waiting": lock_panels, "Deadlocks": deadlock_panels}


board = Board(
    title="Locks",
    about="Lock waits, deadlocks and deadlock risks.",
    place=30,
    rows=rows,
)
