"""Replication and archiving."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.replication_panels import (
        lag_panels,
        replica_panels,
        replication_findings,
        sender_panels,
        slot_panels,
    )

    return {
        "Findings": replication_findings,
        "Lag": lag_panels,
        "Standbys, measured on the primary": sender_panels,
        "Standbys, measured on themselves": replica_panels,
        "Slots and archive": slot_panels,
    }


board = Board(
    title="Replication",
    about="Lag of standbys, WAL retained by slots, and archiving.",
    place=40,
    rows=rows,
)
