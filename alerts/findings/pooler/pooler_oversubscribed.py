"""All pools together may open more connections than the server has slots for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.connections import usable_slots
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.pooler.advice import IniLine, changed
from alerts.pooler.behind import databases_before, poolers_beside, servers_behind
from alerts.pooler.bottleneck import DATABASE, POOL
from alerts.pooler.demand import Demand, demand
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_routes import pooler_routes
from collectors.pooler_users import pooler_users

SHOWN = 10
"""Databases with limits of their own whose lines are printed."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    taken: Share = 1.0
    """Share of the server's usable slots that all pools may take together; beyond 1 some logins
    of the pooler fail when the load comes."""
    cores: Annotated[int, FIXED] = 0
    """Cores of the server; 0: unknown, so that pools are not compared with them."""
    per_core: float = 20
    """Connections of the pools for each core; beyond it they only wait for CPU."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    snapshot.answer(pooler_config)
    for server in servers_behind(snapshot):
        name = server.node.server
        databases = databases_before(snapshot, name)
        if databases:
            yield from _of_server(snapshot, server, databases, limits)
        else:
            why = "their addresses do not show which of its databases lead to this server"
            yield Unjudged(why, subject=name)


def _of_server(
    snapshot: Snapshot, server: Snapshot, databases: frozenset[str], limits: Limits
) -> Iterator[Evidence]:
    name = server.node.server
    own = demand(snapshot, databases)
    beside = ((other, databases_before(other, name)) for other in poolers_beside(snapshot))
    others = [demand(other, known) for other, known in beside if known]
    most, slots = own.most + sum(one.most for one in others), usable_slots(server)
    if most > slots * limits.taken:
        yield evidence(own, others, most, slots, name)
    elif limits.cores and most > limits.cores * limits.per_core:
        yield too_many(own, most, limits, name)


def evidence(own: Demand, others: list[Demand], most: int, slots: int, server: str) -> Evidence:
    beside = f" and {len(others)} other poolers" if len(others) > 1 else ""
    beside = " and another pooler" if len(others) == 1 else beside
    return Evidence(
        subject=server,
        severity=Severity.warning,
        value=most / slots,
        message=(
            f"The pools of this pooler{beside} may open {most:,} connections to {server}, which"
            f" has {slots:,} slots for ordinary roles ({share_text(most / slots)})."
        ),
        facts=_facts(own, most) | {"usable_slots": slots, "other_poolers": len(others)},
        cure=_cure(own, own.most * slots // most),
        check="",
    )


def too_many(own: Demand, most: int, limits: Limits, server: str) -> Evidence:
    return Evidence(
        subject=server,
        severity=Severity.info,
        value=most / limits.cores,
        message=(
            f"The pools may open {most:,} connections to {server}, for {limits.cores} cores:"
            " what is active beyond them only waits for CPU."
        ),
        facts=_facts(own, most) | {"cores": limits.cores},
        cure=_cure(own, int(own.most * limits.cores * limits.per_core) // most),
        check="",
    )


def _facts(own: Demand, most: int) -> dict[str, float | int | str | bool | None]:
    return {"connections_at_most": most, "pools": own.pools, "largest_pool": own.size}


def _cure(own: Demand, allowed: int) -> tuple[str, ...]:
    """Return lines with which the pools of this pooler may open as many as are allowed to it."""
    most = own.limit(allowed)
    size = max(1, min(most, own.size * allowed // own.most))
    apart = [IniLine(DATABASE, "databases", name) for name in own.apart[:SHOWN]]
    limits = [(line, most) for line in (IniLine(DATABASE), *apart)]
    return (
        remark("Each pair of database and user is a pool of its own. Make the pools smaller"),
        remark("(`pgvigil pool` calculates what they need), or limit a database as a whole with"),
        remark("max_db_connections. Slots that administrators and pgvigil use count too."),
        *changed([(IniLine(POOL), size), *limits]),
    )


finding = Finding(
    title="Pools larger than the server",
    severities=(Severity.info, Severity.warning),
    reads=(pooler_databases, pooler_pools, pooler_config, pooler_routes),
    consults=(pooler_users,),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    alerted_by=AlertedBy.subject,
    unit="ratio",
)
