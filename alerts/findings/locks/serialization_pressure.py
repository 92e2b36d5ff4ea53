"""Many transactions are rolled back where SERIALIZABLE is used, which may waste their work."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, literal, remark
from alerts.history.last_seen import LastSeen
from alerts.history.window import Delta, Window
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, share_text
from collectors.databases import Database, databases
from collectors.lock_counts import lock_counts
from collectors.settings import settings

PREDICATE = "sireadlock"
PER_PAGE = "max_pred_locks_per_page"
WINDOW = timedelta(minutes=5)
COUNTS = Window(databases, WINDOW)
USED = LastSeen(lock_counts, "serializable_in", WINDOW)
"""Predicate locks come and go with their transactions."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = WINDOW
    """Window over which transactions are counted; at most five minutes."""
    rolled_back: Annotated[Share, Slack(0.8)] = 0.05
    """Share of rolled back transactions."""
    least: int = 100
    """Minimum number of transactions in the window; below it, the share is not meaningful."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    changes = snapshot.of(COUNTS).delta(limits.window)
    predicate = {r.datname: r.locks for r in snapshot.rows(lock_counts) if r.mode == PREDICATE}
    used = snapshot.of(USED)
    for database in snapshot.rows(databases):
        # Without predicate locks no transaction is serializable; rollbacks have other reasons.
        change = changes.get(databases.key_of(database))
        if change is None or not used.within(database.datname, limits.window):
            continue
        if not change.full:
            until, name = change.until, database.datname
            yield Unjudged(
                "transactions have not been counted for long enough yet",
                database=name,
                subject=name,
                until=until,
            )
        elif found := evidence(database, change, predicate.get(database.datname, 0), limits):
            yield replace(found, cure=(*found.cure, *fewer_page_locks(snapshot)))


def fewer_page_locks(snapshot: Snapshot) -> tuple[str, ...]:
    """Return how to keep locks of rows apart for longer, where the present value is known."""
    rows = snapshot.rows(settings) if snapshot.has(settings) else ()
    now = next((row.number for row in rows if row.name == PER_PAGE), None)
    if now is None:
        return ()
    return (
        remark("Or lock rows of one page apart, for more memory:"),
        *change(snapshot, PER_PAGE, str(int(4 * now))),
    )


def evidence(database: Database, change: Delta, predicate: int, limits: Limits) -> Evidence | None:
    rolled_back = change.increase["xact_rollback"]
    total = change.increase["xact_commit"] + rolled_back
    # Each deadlock is also a rollback, with its own finding.
    share = max(0.0, rolled_back - change.increase["deadlocks"]) / total if total else 0.0
    if total < limits.least or share < limits.rolled_back:
        return None
    return Evidence(
        subject=database.datname,
        severity=Severity.info,
        value=share,
        message=(
            f"{share_text(share)} of {total:,.0f} transactions in {database.datname} were rolled"
            " back, where SERIALIZABLE is used. PostgreSQL does not tell a serialization failure"
            " from a plain ROLLBACK: the log does."
        ),
        facts={
            "transactions": total,
            "rolled_back": rolled_back,
            "rolled_back_share": share,
            "within_seconds": change.seconds,
            "predicate_locks": predicate,
            "deadlocks": change.increase["deadlocks"],
        },
        cure=(
            remark(
                "No session has to end. Retry with a growing pause; make transactions shorter; use"
            ),
            remark("READ ONLY if nothing is written; give each query the index that it needs,"),
            remark("because a sequential scan locks the whole table."),
        ),
        check=(
            "SELECT datname, xact_commit, xact_rollback FROM pg_catalog.pg_stat_database"
            f" WHERE {equals('datname', literal(database.datname))};"
        ),
        database=database.datname,
    )


finding = Finding(
    title="Serialization failures",
    severities=(Severity.info,),
    reads=(databases, lock_counts),
    consults=(settings,),
    history=(COUNTS, USED),
    limits=Limits(),
    judge=judge,
    unit="share",
    scope=Reach.database,
    alerted_by=AlertedBy.database,
)
