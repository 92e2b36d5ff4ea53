"""Panels of the fleet: a table of all servers, the worst first, and findings over time."""

from collections.abc import Iterator

from alerts._base import Severity, State
from alerts.prometheus.own_metrics import FINDING_STATE, SERVER_INFO, UP
from grafana.panels import CRITICAL, FINE, UNKNOWN, WARNING, Column, Panel, Query, graph, listing
from grafana.queries import own
from grafana.verdict_panels import each_once, ill_by_server, states_over_time

SERVER_BOARD = (
    "/d/pgvigil-server?var-server=${__data.fields.Server}"
    "&${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
)


def fleet_panels() -> Iterator[Panel]:
    yield servers()
    for title, severity in (
        ("Critical subjects", Severity.critical),
        ("Critical and warning subjects", Severity.warning),
    ):
        yield graph(
            title,
            "Ill subjects by server, including the last known ones of unreachable servers.",
            "short",
            Query(ill_by_server(severity), "{{server}}"),
            whole=True,
        )
    yield states_over_time()


def servers() -> Panel:
    """Table with a row for each server; unknown values are empty, not 0."""
    unknown = own(FINDING_STATE, state=State.unknown)
    return listing(
        "Servers",
        "The link leads to the server's dashboard. Warnings include critical subjects. Poolers"
        " and pgvigil itself are judged too, and have a row without an answer.",
        [
            ill_by_server(Severity.critical),
            ill_by_server(Severity.warning),
            f"sum by (server) ({each_once(unknown)})",
            f"max by (server) ({own(UP)})",
            f"max by (server, role, version, cluster) ({own(SERVER_INFO)})",
        ],
        {
            "Value #A": Column("Critical", unit="short", steps={1: CRITICAL}, width=100),
            "Value #B": Column("Warning", unit="short", steps={1: WARNING}, width=100),
            "Value #C": Column("Unknown", unit="short", steps={1: UNKNOWN}, width=100),
            "Value #D": Column(
                "Answers",
                colors={"0": CRITICAL, "1": FINE},
                texts={"0": "no", "1": "yes"},
                unit="short",
                width=100,
            ),
            "server": Column("Server", link=SERVER_BOARD, leads_to="Server dashboard"),
            "role": Column("Role"),
            "version": Column("Version"),
            "cluster": Column("Cluster"),
        },
        hidden=("Value #E",),
        empty="No server is watched.",
        worst=("Critical", "Warning", "Unknown"),
    )
