"""Variables of dashboards: data source, job, server, instance, database."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import (
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from alerts.prometheus.own_metrics import BUILD_INFO, FINDING_STATE, UP
from alerts.prometheus.promql import select
from alerts.prometheus.rulebook import RUNBOOK_BASE
from grafana.panels import SOURCE
from grafana.queries import CHOSEN, POOLER, SERVER, fact

EVERYTHING = VariableOption(selected=True, text=["All"], value=["$__all"])
ANYTHING = ".*"
"""All: not only what can be chosen. Findings about poolers and about pgvigil itself have these as
their server, and would be left out of what is counted, as if nothing were ill."""
NOT_A_TEMPLATE = "/^(?!template[01]$).*/"
"""Templates have no sessions, so they are not offered."""
Variable = DatasourceVariable | QueryVariable | TextBoxVariable


def variables(*, of_poolers: bool = False) -> Iterator[Variable]:
    """Return the variables. Each one filters the next; `All` means all remaining values."""
    yield DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield _query("job", "Job", f"label_values({BUILD_INFO}, job)")
    yield from _poolers() if of_poolers else _servers()
    yield (
        TextBoxVariable("runbooks")
        .label("Runbooks")
        .description("Base URL of runbook links; the finding's name is appended.")
        .default_value(RUNBOOK_BASE)
        .hide(VariableHide.HIDE_VARIABLE)
    )


def _servers() -> Iterator[Variable]:
    chosen_job, chosen_server = {"job": CHOSEN["job"]}, {"server": SERVER["server"]}
    servers = select(UP, **chosen_job)
    instances = select(UP, **chosen_job, **chosen_server)
    offered = _query("server", "Server", f"label_values({servers}, server)")
    yield offered.all_value(ANYTHING)
    offered = _query("instance", "Instance", f"label_values({instances}, instance)")
    yield offered.all_value(ANYTHING)
    databases = fact("pg_stat_database_numbackends")
    offered = _query("database", "Database", f"label_values({databases}, datname)")
    yield offered.regex(NOT_A_TEMPLATE)


def _poolers() -> Iterator[Variable]:
    """Return the choice of poolers: known by a finding that only they have."""
    chosen = {"job": CHOSEN["job"], "finding": "pooler_unreachable"}
    poolers = select(FINDING_STATE, **chosen)
    instances = select(FINDING_STATE, **chosen, server=POOLER["server"])
    yield _query("pooler", "Pooler", f"label_values({poolers}, server)")
    yield _query("instance", "Instance", f"label_values({instances}, instance)")


def _query(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": name})
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(EVERYTHING)
    )
