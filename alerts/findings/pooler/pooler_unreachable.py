"""The console of a pooler does not answer: clients may not get through it either."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import duration_text
from collectors._base import Kind
from collectors.pooler_connection import SILENT, PoolerCause, PoolerConnection, pooler_connection

WORDS: dict[PoolerCause, tuple[str, tuple[str, ...]]] = {
    PoolerCause.absent: (
        "nothing listens there",
        (
            "See whether PgBouncer runs on that host, and what its log says last.",
            "Compare listen_addr, listen_port and unix_socket_dir with the address.",
        ),
    ),
    PoolerCause.unresolved: ("its host name can't be resolved", ("Look the name up there.",)),
    PoolerCause.timeout: (
        "the login got no answer",
        (
            "See whether the process runs: it may be suspended, stopped, or lack CPU.",
            "A firewall that drops packets looks the same.",
        ),
    ),
    PoolerCause.hung: (
        "it accepts connections, but a command gets no answer",
        (
            "It may be suspended (the command SUSPEND), stopped by a signal, or lack CPU: it has",
            "one thread. See `top -H` on its host; RESUME on an open console ends a SUSPEND.",
        ),
    ),
    PoolerCause.stopping: (
        "it is shutting down or has closed the connection",
        ("If it was not stopped on purpose, its log and the system's log tell why it ended.",),
    ),
    PoolerCause.full: (
        "it accepts no more connections",
        (
            "Even the console is refused: the process lacks file descriptors, see `ulimit -n` of",
            "its service (LimitNOFILE in systemd) against max_client_conn.",
        ),
    ),
    PoolerCause.auth: (
        "the login was refused",
        (
            "Compare user and password with auth_file, or with what auth_query returns.",
            "The user of pgvigil needs an entry there, also where clients have none.",
        ),
    ),
    PoolerCause.auth_method: (
        "it wants a way to log in that pgvigil refuses",
        ("Use scram-sha-256, or verified TLS: sslmode=verify-full in the DSN.",),
    ),
    PoolerCause.not_allowed: (
        "{user} may not use the console",
        (
            "In pgbouncer.ini, below [pgbouncer], add the user to those who may look:",
            "  stats_users = …, {user}",
            "Then RELOAD on the console; no client is dropped.",
        ),
    ),
    PoolerCause.tls: (
        "TLS failed",
        ("Compare client_tls_sslmode and its certificate with sslmode and sslrootcert.",),
    ),
    PoolerCause.not_a_pooler: (
        "what answers there is not PgBouncer",
        ("Name the address of PgBouncer in the setting poolers; servers stand under servers.",),
    ),
    PoolerCause.address: ("the address is invalid", ("Correct the DSN in the setting poolers.",)),
    PoolerCause.other: ("it refused the connection", ("Its log tells more.",)),
}
"""Why, and what to do."""
OUR_OWN = frozenset(
    {
        PoolerCause.auth,
        PoolerCause.auth_method,
        PoolerCause.not_allowed,
        PoolerCause.not_a_pooler,
        PoolerCause.tls,
        PoolerCause.address,
    }
)
"""Causes that concern pgvigil alone: clients may be fine."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """No limits: a pooler answers, or it does not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.row(pooler_connection)
    if row.up:
        return
    if row.cause is None:
        yield Unjudged("the first attempt to connect has not ended yet")
    elif row.observer_starved and row.cause in SILENT:
        yield Unjudged("pgvigil is short of CPU, so it may not have read the answer yet")
    else:
        yield evidence(row, row.cause)


def evidence(row: PoolerConnection, cause: PoolerCause) -> Evidence:
    why, what = WORDS[cause]
    user = identifier(row.user or "…")
    seconds = row.down_seconds or 0.0
    since = f", for {duration_text(seconds)}" if seconds >= 1 else ""
    heard = (remark(f"The error: {row.message.rstrip('.')}."),) if row.message else ()
    return Evidence(
        subject=row.address,
        severity=Severity.warning if cause in OUR_OWN else Severity.critical,
        value=seconds,
        message=(
            f"The console of the pooler at {row.address} can't be asked{since}:"
            f" {why.replace('{user}', user)}."
        ),
        facts={"cause": cause, "answer": row.message, "away_seconds": row.down_seconds},
        cure=(*heard, *(remark(line.replace("{user}", user)) for line in what)),
        check="",
    )


finding = Finding(
    title="Pooler unreachable",
    severities=(Severity.warning, Severity.critical),
    reads=(pooler_connection,),
    limits=Limits(),
    judge=judge,
    of=Kind.pgbouncer,
    unit="seconds",
    # A pooler that is restarted for a new version is back by then.
    hold=timedelta(seconds=3),
)
