"""A pooler has nearly as many clients as it accepts, or may open too few files for them."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.pooler.advice import ini, restart
from alerts.pooler.pools import number
from alerts.snapshot import Snapshot
from alerts.units import Share, share_text
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_connection import pooler_connection
from collectors.pooler_databases import pooler_databases
from collectors.pooler_lists import pooler_lists

OWN_FILES = 30
"""Descriptors that the process needs for itself: sockets, logs, DNS."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    used: Share = 0.8
    """Share of max_client_conn; a rolling restart of applications doubles their connections."""
    used_critical: Share = 0.95
    """Share from which it is critical: the next clients are refused."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    most = number(snapshot, "max_client_conn")
    clients = snapshot.answer(pooler_lists).by("list").get("used_clients")
    if not most or clients is None or clients.items is None:
        yield Unjudged("max_client_conn or the number of clients is not known")
        return
    if clients.items / most >= limits.used:
        yield evidence(clients.items, most, limits)
    if snapshot.has(pooler_connection):
        limit = snapshot.row(pooler_connection).descriptor_limit
        needed = most + OWN_FILES + servers(snapshot)
        if limit is not None and limit < needed:
            yield files(limit, needed, most)


def servers(snapshot: Snapshot) -> int:
    """Return the server connections that the databases may have, one pool for each."""
    rows = snapshot.rows(pooler_databases) if snapshot.has(pooler_databases) else ()
    return sum((row.pool_size or 0) + (row.reserve_pool_size or 0) for row in rows)


def evidence(clients: int, most: int, limits: Limits) -> Evidence:
    share = clients / most
    return Evidence(
        subject="clients",
        severity=Severity.critical if share >= limits.used_critical else Severity.warning,
        value=share,
        message=(
            f"The pooler has {clients:,} of the {most:,} clients that it accepts"
            f" ({share_text(share)}); then it refuses new ones."
        ),
        facts={"clients": clients, "max_clients": most, "used_share": share},
        cure=(
            remark("A client costs the pooler some kilobytes and a file descriptor: its limit on"),
            remark("open files must be larger than this (LimitNOFILE in systemd)."),
            *ini(f"max_client_conn = {2 * most}"),
        ),
        check="",
    )


def files(limit: int, needed: int, most: int) -> Evidence:
    return Evidence(
        subject="file descriptors",
        severity=Severity.warning,
        value=needed / limit,
        message=(
            f"The process of the pooler may open {limit:,} files, but needs {needed:,} for"
            f" max_client_conn = {most:,} and its server connections."
        ),
        facts={"open_files_limit": limit, "open_files_needed": needed, "max_clients": most},
        cure=(
            remark(f"In the systemd unit, below [Service]: LimitNOFILE={2 * needed}"),
            *restart(f"max_client_conn = {most}"),
        ),
        check="",
    )


finding = Finding(
    title="Client limit of the pooler",
    severities=(Severity.warning, Severity.critical),
    reads=(pooler_lists, pooler_config),
    consults=(pooler_connection, pooler_databases),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    unit="ratio",
)
