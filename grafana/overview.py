"""The dashboard: ill subjects first, then what the servers do, then pgvigil itself."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from grafana.daemon_panels import daemon_panels
from grafana.panels import Panel
from grafana.server_panels import lag_panels, lock_panels, session_panels, transaction_panels
from grafana.variables import variables
from grafana.verdict_panels import verdict_panels

ROWS: Mapping[str, Callable[[], Iterator[Panel]]] = {
    "Verdicts": verdict_panels,
    "Sessions": session_panels,
    "Transactions": transaction_panels,
    "Locks": lock_panels,
    "Replication": lag_panels,
    "pgvigil itself": daemon_panels,
}


def overview() -> str:
    """The JSON that Grafana loads, equal for equal catalogues."""
    dashboard = (
        Dashboard("pgvigil")
        .uid("pgvigil")
        .description("PostgreSQL as pgvigil sees it: what is ill, why, and what the servers do.")
        .tags(["pgvigil", "postgresql"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(_link("Findings and runbooks", "${runbooks:raw}"))
    )
    for variable in variables():
        dashboard.with_variable(variable)
    numbers = count(1)
    for title, panels in ROWS.items():
        dashboard.with_row(Row(title).id(next(numbers)))
        for panel in panels():
            dashboard.with_panel(panel.id(next(numbers)))
    return json.dumps(json.loads(JSONEncoder().encode(dashboard.build())), indent=2) + "\n"


def _link(title: str, url: str) -> DashboardLink:
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)
