"""The dashboards: which rows of panels each has, and the JSON that Grafana loads."""

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
        "Every server that pgvigil watches: what is ill, what is not known, and where to look.",
        {"Verdicts": verdict_panels, "Servers": fleet_panels, "Not judged": unjudged_panels},
    ),
    "pgvigil-server": Board(
        "A server as pgvigil sees it: what is ill first, then what the server does.",
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
        "Who waits for whom, and the deadlocks that came or come of it.",
        {"Findings": lock_findings, "Waiting": lock_panels, "Deadlocks": deadlock_panels},
    ),
    "pgvigil-replication": Board(
        "How far standbys are behind, what slots keep, and whether WAL is archived.",
        {
            "Findings": replication_findings,
            "Lag": lag_panels,
            "Standbys as the primary sees them": sender_panels,
            "Standbys as they see themselves": replica_panels,
            "Slots and archive": slot_panels,
        },
    ),
    "pgvigil-tables": Board(
        "Tables and indexes: their size, their use, and whether vacuum keeps up.",
        {
            "Findings": relation_findings,
            "Tables": table_panels,
            "Vacuum": vacuum_panels,
            "Indexes and sequences": index_panels,
        },
    ),
    "pgvigil-statements": Board(
        "Which statements take the server's time. Needs the extension pg_stat_statements;"
        " a statement is shown by its queryid, its text stays in the database.",
        {
            "Statements": statement_table,
            "Time": statement_panels,
            "Cost": statement_cost_panels,
        },
    ),
    "pgvigil-itself": Board(
        "Whether pgvigil sees everything, is up to date, and what it costs the servers.",
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
    """The JSON that Grafana loads, equal for equal catalogues."""
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
    """The choice of servers and time goes along."""
    link = DashboardLink("pgvigil").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True).as_dropdown(False)


def _status_page() -> DashboardLink:
    """It is served beside the runbooks; their own address without a name answers with JSON."""
    link = DashboardLink("Status page").type(DashboardLinkType.LINK)
    return link.url("${runbooks:raw}/..").target_blank(True)
