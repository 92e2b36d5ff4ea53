"""Session mode holds server connections for clients that do nothing."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.history.window import Delta, Window
from alerts.limits import FIXED, BaseLimits
from alerts.pooler.advice import IniLine, changed
from alerts.pooler.pools import SESSION, KnownPool, pools_of, version_of
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, share_text
from collectors._base import Kind
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_stats import pooler_stats
from collectors.pooler_users import pooler_users
from collectors.pooler_version import pooler_version

RECENT = timedelta(minutes=10)
CHANGES = Window(pooler_stats, RECENT)
PREPARED = (1, 21)
"""The version from which prepared statements of the protocol work through transaction pooling."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    used: Annotated[Share, FIXED] = 0.2
    """Share of the time in which held connections are in a transaction; below it they idle."""
    smallest: Annotated[int, FIXED] = 5
    """Held connections of a database, below which there is little to gain."""
    window: Annotated[Duration, FIXED] = RECENT
    """Time over which the share is measured; at most 10 minutes."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    groups: dict[str, list[KnownPool]] = defaultdict(list)
    for pool in pools_of(snapshot):
        groups[pool.pool.database].append(pool)
    deltas = snapshot.of(CHANGES).delta(min(limits.window, RECENT))
    for database, pools in groups.items():
        held = sum(pool.pool.sv_active or 0 for pool in pools)
        if any(pool.pool.pool_mode != SESSION for pool in pools) or held < limits.smallest:
            continue
        delta = deltas.get((database,))
        if delta is None or not delta.full:
            until = delta.until if delta else snapshot.at + RECENT.total_seconds()
            yield Unjudged("not watched for long enough", subject=database, until=until)
            continue
        # The time of a transaction begins when the client asks, so it includes the wait.
        spent = delta.increase["total_xact_time"] - delta.increase["total_wait_time"]
        busy = max(0.0, spent) / 1e6 / delta.seconds
        if busy < held * limits.used:
            yield evidence(snapshot, database, pools, busy, delta)


def evidence(
    snapshot: Snapshot, database: str, pools: list[KnownPool], busy: float, delta: Delta
) -> Evidence:
    held = sum(pool.pool.sv_active or 0 for pool in pools)
    lines = dict.fromkeys(map(_mode_line, pools))
    return Evidence(
        subject=database,
        severity=Severity.warning,
        value=busy / held,
        message=(
            f"Database {database} is pooled by session: clients hold {held} server connections,"
            f" of which {busy:.1f} are in a transaction on average"
            f" ({share_text(busy / held)})."
        ),
        facts={
            "held_connections": held,
            "busy_connections": busy,
            "used_share": busy / held,
            "window_seconds": delta.seconds,
        },
        cure=(
            *map(remark, _conditions(snapshot)),
            *changed((line, "transaction") for line in lines),
        ),
        check="",
    )


def _mode_line(pool: KnownPool) -> IniLine:
    """Return the line that says the mode of a pool: that of its user counts first."""
    if pool.user and pool.user.pool_mode:
        return IniLine("pool_mode", "users", pool.pool.user)
    if pool.database and pool.database.pool_mode:
        return IniLine("pool_mode", "databases", pool.pool.database)
    return IniLine("pool_mode")


def _conditions(snapshot: Snapshot) -> Iterator[str]:
    yield "By transaction a client holds a connection only while it is in a transaction. Then these"
    yield "get lost between two transactions: SET, LISTEN, PREPARE in SQL, WITH HOLD cursors,"
    yield "temporary tables, advisory locks of a session. See first whether the application uses"
    yield "them; such a user or database can stay in session mode (pool_mode= in [databases])."
    version = version_of(snapshot)
    if version and version < PREPARED:
        yield "Prepared statements of drivers work in it since 1.21: this is older, so upgrade"
        yield "first, or switch them off in the driver."
    else:
        yield "Prepared statements of drivers work in it, if max_prepared_statements is not 0."


finding = Finding(
    title="Session pooling of idle clients",
    severities=(Severity.warning,),
    reads=(pooler_pools, pooler_stats),
    consults=(pooler_databases, pooler_users, pooler_version),
    history=(CHANGES,),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    kind=FindingKind.review,
    unit="ratio",
)
