"""Dashboards: the rows of panels of each, and the JSON for Grafana."""

import json
from itertools import count

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from grafana.boards._base import Board
from grafana.boards._catalogue import all_boards
from grafana.variables import variables

TAG = "pgvigil"


def board(name: str) -> str:
    """Return the JSON of a dashboard; it is the same for the same catalogues."""
    numbers, wanted = count(1), all_boards()[name]
    dashboard = _empty(name, wanted)
    for title, panels in wanted.rows().items():
        dashboard.with_row(Row(title).id(next(numbers)))
        for panel in panels():
            dashboard.with_panel(panel.id(next(numbers)))
    return json.dumps(json.loads(JSONEncoder().encode(dashboard.build())), indent=2) + "\n"


def _empty(name: str, wanted: Board) -> Dashboard:
    dashboard = (
        Dashboard(f"pgvigil: {wanted.title}")
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
    for variable in variables(of_poolers=wanted.of_poolers):
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
