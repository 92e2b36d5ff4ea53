"""PgBouncer has no connection to a server, and clients wait: its logins hang or fail."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.pooler.pools import KnownPool, number, pools_of, state
from alerts.snapshot import Snapshot
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_state import pooler_state


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """It has no limits: there is a connection, or there is none."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if state(snapshot) not in (None, "active"):
        return  # it is paused as a whole, which is told by pooler_paused
    for pool in pools_of(snapshot):
        if pool.is_held or pool.pool.established != 0 or not pool.waiting:
            continue
        # Their time of waiting is not told: PgBouncer counts it from the first connection on.
        yield evidence(snapshot, pool)


def evidence(snapshot: Snapshot, pool: KnownPool) -> Evidence:
    known, login = pool.database, pool.pool.sv_login or 0
    where = f"{known.host or 'its socket'}:{known.port}" if known else "its server"
    name = known.database if known else pool.pool.database
    retry = number(snapshot, "server_login_retry")
    return Evidence(
        subject=pool.name,
        severity=Severity.critical,
        value=pool.waiting,
        message=(
            f"Pool {pool.name} has no connection to {where}, and"
            f" {plural(pool.waiting, 'client')} {'waits' if pool.waiting == 1 else 'wait'} for one:"
            " its logins get no answer."
        ),
        facts={
            "waiting_clients": pool.waiting,
            "logging_in": login,
            "server": where,
            "server_database": name,
            "retried_after_seconds": retry,
        },
        cure=tuple(map(remark, _steps(snapshot, pool, where, name))),
        check="",
    )


def _steps(snapshot: Snapshot, pool: KnownPool, where: str, name: str | None) -> Iterator[str]:
    user = (pool.database and pool.database.force_user) or pool.pool.user
    yield "PgBouncer's log has the reason for each attempt."
    yield f"1. Log in from the host of the pooler as {user} to {name} at {where}."
    yield "2. No such host or nothing listens: correct host and port below [databases]."
    yield "3. The password is wrong: correct it in auth_file; a SCRAM secret there must be the very"
    yield "   one that the server has."
    yield "4. The server has no slot left: see connection_saturation there."
    yield "5. pg_hba.conf of the server must allow the pooler's address."
    yield "It tries again by itself; RECONNECT or a restart is not needed."
    if state(snapshot) is None:
        yield "This version does not tell whether it is paused as a whole: then RESUME helps."


finding = Finding(
    title="Pooler can't log in to the server",
    severities=(Severity.critical,),
    reads=(pooler_pools,),
    consults=(pooler_databases, pooler_config, pooler_state),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    alerted_by=AlertedBy.subject,
    # A login takes less, also one to a server that is being restarted.
    hold=timedelta(seconds=10),
)
