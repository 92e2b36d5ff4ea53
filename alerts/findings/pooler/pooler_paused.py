"""A database is paused or disabled on the pooler: clients wait, or are refused, on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.pooler.advice import console, quoted
from alerts.pooler.pools import KnownPool, pools_of, state
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors._base import Kind
from collectors.pooler_databases import PoolerDatabase, pooler_databases
from collectors.pooler_pools import pooler_pools
from collectors.pooler_state import pooler_state

WHOLE = "all databases"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    wait_critical: Duration = timedelta(seconds=30)
    """From this wait of a client on it is critical: a switch-over takes seconds."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    pools = list(pools_of(snapshot))
    if (word := state(snapshot)) not in (None, "active"):
        yield evidence(WHOLE, str(word), pools, "RESUME;", limits)
        return
    for database in snapshot.rows(pooler_databases):
        of_database = [one for one in pools if one.pool.database == database.name]
        if word := _held(database):
            verb = "RESUME" if word == "paused" else "ENABLE"
            command = f"{verb} {quoted(database.name)};"
            yield evidence(database.name, word, of_database, command, limits)


def _held(database: PoolerDatabase) -> str | None:
    if database.is_console:
        return None
    return "paused" if database.paused else "disabled" if database.disabled else None


def evidence(
    subject: str, word: str, pools: list[KnownPool], command: str, limits: Limits
) -> Evidence:
    waiting = sum(pool.waiting for pool in pools)
    wait = max((pool.wait_seconds for pool in pools), default=0.0)
    is_critical = bool(waiting) and wait >= limits.wait_critical.total_seconds()
    who = plural(waiting, "client")
    so = f": {who} {'waits' if waiting == 1 else 'wait'}, the first for {duration_text(wait)}"
    refused = ": new clients are refused" if word == "disabled" else ""
    return Evidence(
        subject=subject,
        severity=Severity.critical if is_critical else Severity.warning,
        value=wait,
        message=(
            f"{subject[0].upper() + subject[1:] if subject == WHOLE else subject}"
            f" {'are' if subject == WHOLE else 'is'} {word} on the pooler"
            f"{so if waiting else refused}."
        ),
        facts={"state": word, "waiting_clients": waiting, "wait_seconds": wait},
        cure=(
            remark("If the server behind it is not being switched over or upgraded just now:"),
            *console(command),
        ),
        check="",
    )


finding = Finding(
    title="Pooler paused",
    severities=(Severity.warning, Severity.critical),
    reads=(pooler_databases, pooler_pools),
    consults=(pooler_state,),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    unit="seconds",
    # A switch-over pauses for some seconds.
    hold=timedelta(seconds=30),
)
