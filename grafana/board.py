"""Dashboards: the rows of panels of each, and the JSON for Grafana."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from grafana.daemon_panels import cost, own_findings, reach, up_to_date
from grafana.fleet_panels import fleet_panels
from grafana.io_panels import checkpoint_panels, io_panels, size_panels, wal_panels
from grafana.lock_panels import deadlock_panels, lock_findings, lock_panels
from grafana.panels import Panel
from grafana.relation_panels import (
    index_panels,
    relation_findings,
    table_panels,
    vacuum_panels,
)
from grafana.replication_panels import (
    lag_panels,
    replica_panels,
    replication_findings,
    sender_panels,
    slot_panels,
)
from grafana.server_panels import session_panels, transaction_panels, wait_panels
from grafana.statement_panels import statement_cost_panels, statement_panels, statement_table
from grafana.titles import TITLES
from grafana.variables import variables
from grafana.verdict_panels import (
    count_panels,
    server_findings,
    unjudged_panels,
    verdict_panels,
)

TAG = "pgvigil"
Rows = Mapping[str, Callable[[], Iterable[Panel]]]


@dataclass(frozen=True, slots=True)
class Board:
    about: str
    rows: Rows


BOARDS: Mapping[str, Board] = {
    "pgvigil": Board(
        "All servers that pgvigil watches: findings, and what is unknown.",
        {"Verdicts": verdict_panels, "Servers": fleet_panels, "Not judged": unjudged_panels},
    ),
    "pgvigil-server": Board(
        "One server: its findings, then its activity.",
        {
            "Findings": server_findings,
            "Sessions": session_panels,
            "Waits": wait_panels,
            "Transactions": transaction_panels,
            "Input and output": io_panels,
            "Checkpoints": checkpoint_panels,
            "WAL": wal_panels,
            "Space and age": size_panels,
        },
    ),
    "pgvigil-locks": Board(
        "Lock waits, deadlocks and deadlock risks.",
        {"Findings": lock_findings, "Waiting": lock_panels, "Deadlocks": deadlock_panels},
    ),
    "pgvigil-replication": Board(
        "Lag of standbys, WAL retained by slots, and archiving.",
        {
            "Findings": replication_findings,
            "Lag": lag_panels,
            "Standbys, measured on the primary": sender_panels,
            "Standbys, measured on themselves": replica_panels,
            "Slots and archive": slot_panels,
        },
    ),
    "pgvigil-tables": Board(
        "Tables and indexes: size, use, and progress of vacuum.",
        {
            "Findings": relation_findings,
            "Tables": table_panels,
            "Vacuum": vacuum_panels,
            "Indexes and sequences": index_panels,
        },
    ),
    "pgvigil-statements": Board(
        "Which statements take the server's time. Needs the extension pg_stat_statements;"
        " a statement is shown by its queryid, its text never leaves the database.",
        {
            "Statements": statement_table,
            "Time": statement_panels,
            "Cost": statement_cost_panels,
        },
    ),
    "pgvigil-itself": Board(
        "What pgvigil can't see, the age of its answers, and its cost.",
        {
            "Verdicts": count_panels,
            "Findings": own_findings,
            "Reach": reach,
            "Age": up_to_date,
            "Cost": cost,
        },
    ),
}


def board(name: str) -> str:
    """Return the JSON of a dashboard; it is the same for the same catalogues."""
    numbers = count(1)
    dashboard = _empty(name, BOARDS[name])
    for title, panels in BOARDS[name].rows.items():
        dashboard.with_row(Row(title).id(next(numbers)))
        for panel in panels():
            dashboard.with_panel(panel.id(next(numbers)))
    return json.dumps(json.loads(JSONEncoder().encode(dashboard.build())), indent=2) + "\n"


def _empty(name: str, wanted: Board) -> Dashboard:
    dashboard = (
        Dashboard(f"pgvigil: {TITLES[name]}")
        .uid(name)
        .description(wanted.about)
        .tags([TAG, "postgresql"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_siblings())
        .link(_status_page())
    )
    for variable in variables():
        dashboard.with_variable(variable)
    return dashboard


def _siblings() -> DashboardLink:
    """Return links to the other dashboards, which keep the chosen servers and time range."""
    link = DashboardLink("pgvigil").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True).as_dropdown(False)


def _status_page() -> DashboardLink:
    """Return the link to the status page, which is next to the runbooks."""
    link = DashboardLink("Status page").type(DashboardLinkType.LINK)
    return link.url("${runbooks:raw}/..").target_blank(True)
