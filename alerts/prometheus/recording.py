"""One recording rule, as Prometheus reads it, and the questions that rules of a fleet share."""

from dataclasses import dataclass

from alerts.prometheus.own_metrics import SERVER_INFO, UP

SCRAPED = ("job", "namespace", "instance")
PAGE = ", ".join(SCRAPED)
CLUSTER = ("system_identifier", "cluster")
MEMBERS = "server:pgvigil_server_info:max"
"""Which server is of which cluster; recorded first, and asked by all that speak of clusters."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Named as is usual: labels that are left, the metric, what was done with it."""

    record: str
    expr: str
    about: str

    def content(self) -> dict[str, object]:
        """The entry of a rule file."""
        return {"record": self.record, "expr": self.expr}


def members() -> str:
    """With the label `server`, and without it for pages of one server, whose facts lack it."""
    place = f"{PAGE}, {', '.join(CLUSTER)}"
    alone = f"count by ({PAGE}) ({UP}) == 1"
    return (
        f"max by ({place}, server) ({SERVER_INFO})\n"
        f"or\n"
        f"max by ({place}) ({SERVER_INFO}) and on ({PAGE}) {alone}"
    )


def in_cluster(fact: str) -> str:
    """A fact, a series each, with the cluster of its server as further labels."""
    return f"{fact}\n* on ({PAGE}, server) group_left ({', '.join(CLUSTER)}) {MEMBERS}"


def over_cluster(how: str, fact: str, *labels: str) -> str:
    """All servers of a cluster, independent of the daemon that watches them."""
    kept = ", ".join(("job", "namespace", *CLUSTER, *labels))
    return f"{how} by ({kept}) (\n{in_cluster(fact)}\n)"


def each_server(how: str, fact: str) -> str:
    return f"{how} by ({PAGE}, server) ({fact})"
