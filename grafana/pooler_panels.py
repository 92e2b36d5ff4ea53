"""Panels about poolers: clients and server connections of each pool, waits, transactions."""

from collections.abc import Iterator

from alerts.prometheus.metric_lookup import metric_of
from alerts.prometheus.promql import select
from grafana.panels import CRITICAL, WARNING, Panel, Query, Steps, graph
from grafana.queries import POOLER_OR_NONE, by, limits, rate
from grafana.verdict_panels import ill_subjects, in_chapter

POOL = "{{database}}/{{user}} of {{server}}"
OF_DATABASE = "{{database}} of {{server}}"
NONE = "No pooler is watched."


def pooler_findings() -> Iterator[Panel]:
    yield ill_subjects(in_chapter("pooler"), of_poolers=True)


def pool_panels() -> Iterator[Panel]:
    found = limits("pooler_clients_waiting")
    steps: Steps = {
        found.wait.total_seconds(): WARNING,
        found.wait_critical.total_seconds(): CRITICAL,
    }
    yield graph(
        "Longest wait of a client",
        "How long the first of the waiting clients has waited. The lines are the limits of"
        " pooler_clients_waiting.",
        "s",
        Query(_of_pool("client_maxwait_seconds"), POOL),
        steps=steps,
        empty=NONE,
    )
    yield _pools("Clients that wait", "client_waiting_connections", "Clients without a connection.")
    yield _pools("Clients", "client_active_connections", "Clients that don't wait.")
    yield _pools(
        "Server connections in use",
        "server_active_connections",
        "Connections that are linked to a client: the size of the pool is their limit.",
    )
    yield _pools(
        "Idle server connections",
        "server_idle_connections",
        "Connections that are ready for a query.",
    )
    yield _pools(
        "Logins to servers",
        "server_login_connections",
        "Connections that are logging in; for long only where the server does not answer.",
    )


def load_panels() -> Iterator[Panel]:
    count = _rate("sql_transactions_pooled_total")
    waited = _rate("client_wait_seconds_total")
    spent = _rate("server_in_transaction_seconds_total")
    yield graph(
        "Transactions",
        "Transactions a second.",
        "ops",
        Query(count, OF_DATABASE),
        empty=NONE,
    )
    yield graph(
        "Mean wait",
        "Mean time that a transaction waited for a server connection.",
        "s",
        Query(f"{waited} / ({count} > 0)", OF_DATABASE),
        empty="No transactions.",
    )
    yield graph(
        "Busy connections",
        "Average number of server connections in a transaction, without the wait for them.",
        "short",
        Query(f"{spent} - {waited}", OF_DATABASE),
        empty=NONE,
    )


def _pools(title: str, name: str, about: str) -> Panel:
    return graph(title, about, "short", Query(_of_pool(name), POOL), whole=True, empty=NONE)


def _of_pool(name: str) -> str:
    return by("max", "database, user", _fact(f"pgbouncer_pools_{name}"))


def _rate(name: str) -> str:
    return by("sum", "database", rate(_fact(f"pgbouncer_stats_{name}")))


def _fact(name: str) -> str:
    """Select of the chosen poolers."""
    return select(metric_of(name), **POOLER_OR_NONE)
