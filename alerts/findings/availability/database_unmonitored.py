"""Nothing is read from a database, so what is wrong in it stays unseen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.cure import equals, identifier, literal, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors.databases import Database, databases
from collectors.user_tables import user_tables

INVALID = -2
"""Connection limit of a database whose DROP was interrupted."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: it is read or it is not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    missing = snapshot.answer(user_tables).missing if snapshot.has(user_tables) else {}
    for database in snapshot.rows(databases):
        if database.is_template:
            continue
        if database.connection_limit == INVALID:
            yield evidence(database, "its DROP DATABASE was interrupted", drop(database))
        elif not database.allows_connections:
            yield evidence(database, "it takes no sessions (ALLOW_CONNECTIONS off)", opened())
        elif absence := missing.get(database.datname):
            allowed = (absence.grant,) if absence.grant else asked(absence.reason)
            yield evidence(database, absence.reason, allowed)


def drop(database: Database) -> tuple[str, ...]:
    return (
        remark("Some of its files are gone; all that can be done is to drop it again:"),
        f"DROP DATABASE {identifier(database.datname)};",
    )


def opened() -> tuple[str, ...]:
    return (
        remark("If it is in use or kept for later: it ages towards wraparound like any other, and"),
        remark("only a superuser who opens it can look into it. If it is not needed: dump it, and"),
        remark("drop it."),
    )


def asked(reason: str) -> tuple[str, ...]:
    return (
        remark(f"The last attempt to read it ended with: {reason}"),
        remark("`pgvigil doctor` tries again and says what is missing."),
    )


def evidence(database: Database, reason: str, cure: tuple[str, ...]) -> Evidence:
    return Evidence(
        subject=database.datname,
        severity=Severity.info,
        value=1,
        message=(
            f"Nothing is read from database {database.datname}: {reason}. Its tables and indexes"
            " are not judged."
        ),
        facts={
            "reason": reason,
            "sessions": database.numbackends,
            "transaction_age": database.frozen_xid_age,
        },
        cure=cure,
        check=(
            "SELECT datname, datallowconn, datconnlimit FROM pg_catalog.pg_database"
            f" WHERE {equals('datname', literal(database.datname))};"
        ),
    )


finding = Finding(
    title="Database not monitored",
    severities=(Severity.info,),
    reads=(databases,),
    consults=(user_tables,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    scope=Reach.server,
    hold=timedelta(hours=1),
)
