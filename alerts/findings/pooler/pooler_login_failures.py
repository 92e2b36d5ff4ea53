"""Logins fail at the pooler: those of its pools at the server, or those of clients."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.pooler.advice import changed
from alerts.pooler.bottleneck import used_up
from alerts.pooler.pools import KnownPool, number, pools_of, setting, state
from alerts.pooler.refusals import OF_CLIENTS, OF_SERVERS, Refused, refused
from alerts.snapshot import NOT_YET, Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_databases import pooler_databases
from collectors.pooler_log import Side, pooler_log
from collectors.pooler_pools import pooler_pools
from collectors.pooler_state import pooler_state
from collectors.pooler_users import pooler_users
from collectors.pooler_version import pooler_version

UNSEEN = "refused logins"
"""Subject of what only the log shows."""
LAST = 120.0
"""Seconds after the last failure at a server; while clients ask, PgBouncer tries each 15 s."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = timedelta(minutes=5)
    """Time over which refused logins in the log are counted."""
    at_server: Annotated[int, FIXED] = 2
    """Logins of a pool that its server has refused within the window; one can be a restart."""
    of_clients: Annotated[int, Slack(0.5)] = 20
    """Logins of clients that were refused for one cause within the window, at most 200; a person
    who mistypes a password needs fewer."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    if state(snapshot) not in (None, "active"):
        return  # it is paused as a whole, which is told by pooler_paused
    found = {one.pool: one for one in refused(snapshot, Side.server, limits.window)}
    silent = {pool.name: pool for pool in pools_of(snapshot) if _gets_no_answer(pool)}
    for pool in silent.values():
        yield unanswered(snapshot, pool, found.get(pool.name))
    for name, one in found.items():
        is_recent = snapshot.at - one.last <= LAST
        if name not in silent and one.count >= limits.at_server and is_recent:
            yield at_server(snapshot, one, limits)
    for one in refused(snapshot, Side.client, limits.window):
        if one.count >= limits.of_clients:
            yield of_clients(one, limits)
    yield from unseen(snapshot, limits)


def _gets_no_answer(pool: KnownPool) -> bool:
    # Their time of waiting is not known: PgBouncer counts it from the first connection on.
    return not pool.is_held and pool.pool.established == 0 and bool(pool.waiting)


def unseen(snapshot: Snapshot, limits: Limits) -> Iterator[Unjudged]:
    """Yield what the log would show, where it is not read or shows less."""
    if not snapshot.has(pooler_log):
        why = snapshot.absent.get(pooler_log, NOT_YET)
        reason = f"only the log of PgBouncer shows refused logins: {why.reason}"
        yield Unjudged(reason, subject=UNSEEN, setting=why.setting)
        return
    full = snapshot.row(pooler_log).since + limits.window.total_seconds()
    if snapshot.at < full:
        yield Unjudged("its log has not been read for long enough", subject=UNSEEN, until=full)
    elif setting(snapshot, "log_pooler_errors") == "0":
        yield Unjudged("log_pooler_errors is 0: refused clients are not logged", subject=UNSEEN)


def unanswered(snapshot: Snapshot, pool: KnownPool, logged: Refused | None) -> Evidence:
    login = pool.pool.sv_login or 0
    where, name = _where(pool)
    others = used_up(snapshot, pool)
    so = OF_SERVERS[logged.cause].what if logged else "its logins get no answer"
    steps = tuple(map(remark, _steps(snapshot, _user(pool), where, name, logged)))
    if others and not logged:
        so = f"other pools hold the connections, and {others[0].sentence}"
        steps = (
            remark("See what these do on the server. If it has free CPU and slots:"),
            *changed((one.line, one.allowed + max(1, pool.waiting)) for one in others),
        )
    return Evidence(
        subject=pool.name,
        severity=Severity.critical,
        value=pool.waiting,
        message=(
            f"Pool {pool.name} has no connection to {where}, and"
            f" {plural(pool.waiting, 'client')} {'waits' if pool.waiting == 1 else 'wait'} for one:"
            f" {so}."
        ),
        facts={
            "waiting_clients": pool.waiting,
            "logging_in": login,
            "server": where,
            "server_database": name,
            "retried_after_seconds": number(snapshot, "server_login_retry"),
            "cause": logged.cause if logged else None,
        },
        cure=steps,
        check="",
    )


def _user(pool: KnownPool) -> str:
    """Return the role by which a pool logs in."""
    forced = pool.database.force_user if pool.database else None
    return forced or pool.pool.user


def at_server(snapshot: Snapshot, found: Refused, limits: Limits) -> Evidence:
    """The log shows that a server refuses the logins of a pool."""
    pool = next((one for one in pools_of(snapshot) if one.name == found.pool), None)
    where, name = _where(pool) if pool else ("its server", found.database)
    # Those that are open already serve clients until they are closed.
    is_open = bool(pool and pool.pool.established)
    return Evidence(
        subject=found.pool,
        severity=Severity.warning if is_open else Severity.critical,
        value=found.count,
        message=(
            f"{where} has refused {plural(found.count, 'login')} of pool {found.pool} within"
            f" {duration_text(limits.window)}: {OF_SERVERS[found.cause].what}. Clients get that"
            " error, or wait."
        ),
        facts={
            "refused_logins": found.count,
            "cause": found.cause,
            "last_seconds": snapshot.at - found.last,
            "server": where,
            "server_database": name,
        },
        cure=tuple(map(remark, _steps(snapshot, found.user or "…", where, name, found))),
        check="",
    )


def of_clients(found: Refused, limits: Limits) -> Evidence:
    """The pooler itself refuses clients."""
    known = OF_CLIENTS[found.cause]
    mostly = f", most of them to database {found.database}" if found.database else ""
    return Evidence(
        subject=f"clients: {found.cause}",
        severity=Severity.warning,
        value=found.count,
        message=(
            f"The pooler has refused {plural(found.count, 'login')} of clients within"
            f" {duration_text(limits.window)}: {known.what}{mostly}."
        ),
        facts={"refused_logins": found.count, "cause": found.cause, "database": found.database},
        cure=tuple(map(remark, known.advice)),
        check="",
    )


def _where(pool: KnownPool) -> tuple[str, str | None]:
    """Return the address and the database of a pool's server."""
    known = pool.database
    if not known:
        return "its server", pool.pool.database
    return f"{known.host or 'its socket'}:{known.port}", known.database


def _steps(
    snapshot: Snapshot, user: str, where: str, name: str | None, logged: Refused | None
) -> Iterator[str]:
    if logged and logged.cause in OF_SERVERS and OF_SERVERS[logged.cause].advice:
        yield from OF_SERVERS[logged.cause].advice
        yield f"Make sure by a login from the host of the pooler as {user} to {name} at {where}."
    else:
        yield "PgBouncer's log has the reason for each attempt."
        yield f"1. Log in from the host of the pooler as {user} to {name} at {where}."
        yield "2. No such host or nothing listens: correct host and port below [databases]."
        yield "3. The password is wrong: correct it in auth_file; a SCRAM secret there must be the"
        yield "   very one that the server has."
        yield "4. The server has no slot left: see connection_saturation there."
        yield "5. pg_hba.conf of the server must allow the pooler's address."
    yield "It tries again by itself; RECONNECT or a restart is not needed."
    if state(snapshot) is None:
        yield "This version does not tell whether it is paused as a whole: then RESUME helps."


finding = Finding(
    title="Logins fail at the pooler",
    severities=(Severity.warning, Severity.critical),
    reads=(pooler_pools,),
    consults=(
        pooler_databases,
        pooler_users,
        pooler_config,
        pooler_state,
        pooler_log,
        pooler_version,
    ),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    alerted_by=AlertedBy.subject,
    # A login takes less, also one to a server that is being restarted.
    hold=timedelta(seconds=10),
)
