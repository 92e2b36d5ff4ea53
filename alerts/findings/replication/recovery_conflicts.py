"""A standby cancels queries again and again, because replay must remove what they read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import equals, literal, remark
from alerts.history.window import Window
from alerts.limits import BaseLimits, Slack
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.wal.larger import is_on, longer
from collectors._base import Role
from collectors.database_conflicts import database_conflicts
from collectors.settings import settings

WINDOW = timedelta(minutes=10)
CANCELLED = Window(database_conflicts, WINDOW)
SLOTS = Window(database_conflicts, WINDOW, ("confl_active_logicalslot",))
"""Since 16; each one costs a slot, so one is enough."""
CAUSES = {
    "snapshot": "replay removes dead rows that they may still read",
    "lock": "replay needs an ACCESS EXCLUSIVE lock: DDL, or VACUUM that shortens a table",
    "bufferpin": "replay has to clean a page that they have pinned",
    "deadlock": "they and replay wait for each other",
    "tablespace": "a tablespace with their temporary files is dropped",
}
LOST = "active_logicalslot"

FEEDBACK = "hot_standby_feedback"
ALREADY = (
    remark("hot_standby_feedback is on already: the primary keeps what they read only while the"),
    remark("standby is connected, unless it has a slot there (primary_slot_name), and VACUUM that"),
    remark("shortens or rewrites a table cancels them all the same."),
)

PATIENCE = 300.0
"""Seconds that replay may wait for queries."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    per_minute: Annotated[float, Slack(0.5)] = 1.0
    """Cancelled statements a minute, over ten minutes; single ones are usual on a standby."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    changes = snapshot.of(CANCELLED).delta(WINDOW)
    for database in snapshot.rows(database_conflicts):
        lately = changes.get(database_conflicts.key_of(database))
        for kind in CAUSES if lately else ():
            count = lately.increase[f"confl_{kind}"] if lately else 0.0
            seconds = max(lately.seconds if lately else 0.0, WINDOW.total_seconds())
            if count * 60 >= limits.per_minute * seconds:
                yield evidence(snapshot, database.datname, kind, int(count), count * 60 / seconds)
    for (datname, *_), lost in snapshot.of(SLOTS).delta(WINDOW).items():
        if count := int(lost.increase["confl_active_logicalslot"]):
            yield evidence(snapshot, str(datname), LOST, count, count * 60 / WINDOW.total_seconds())


def evidence(snapshot: Snapshot, database: str, kind: str, count: int, rate: float) -> Evidence:
    server = snapshot.node.server
    told = (
        f"{server} stopped {plural(count, 'consumer')} of logical slots in {database} within ten"
        " minutes: replay had to remove catalogue rows that their slots need, so these are lost."
        if kind == LOST
        else f"{server} cancelled {plural(count, 'statement')} in {database} within ten minutes:"
        f" {CAUSES[kind]}."
    )
    return Evidence(
        subject=f"{database}: {kind}",
        severity=Severity.warning,
        value=rate,
        message=told,
        facts={"kind": kind, "cancelled": count, "cancelled_per_minute": rate},
        cure=advice(snapshot, kind),
        check=(
            "SELECT * FROM pg_catalog.pg_stat_database_conflicts"
            f" WHERE {equals('datname', literal(database))};"
        ),
        database=database,
    )


def advice(snapshot: Snapshot, kind: str) -> tuple[str, ...]:
    """Return what to choose between: each of it costs something elsewhere."""
    later = longer(snapshot, "max_standby_streaming_delay", PATIENCE)
    first = remark("Or let replay wait longer for queries; the standby is then behind for so long:")
    wait = (first, *later) if later else ()
    if kind in ("snapshot", "bufferpin") and is_on(snapshot, FEEDBACK):
        return (remark("Shorten the queries."), *ALREADY, *wait)
    if kind in ("snapshot", "bufferpin"):
        return (
            remark("Shorten the queries. Or let the primary keep the rows that they read; it gets"),
            remark("bloat while they run:"),
            *change(snapshot, FEEDBACK, "on"),
            *wait,
        )
    if kind == "lock":
        return (
            remark(
                "Run DDL on the primary when few long queries run here. If VACUUM takes the lock,"
            ),
            remark("set vacuum_truncate = off on that table, on the primary."),
            *wait,
        )
    if kind == LOST:
        return (
            remark(
                "The slots can't be used any more: slot_lost names them, and each consumer must"
            ),
            remark("start over. To prevent the next time, let the primary keep what they"),
            *(
                (remark("need, by a physical slot of this standby (primary_slot_name)."),)
                if is_on(snapshot, FEEDBACK)
                else (
                    remark("need, by a physical slot of this standby (primary_slot_name) and:"),
                    *change(snapshot, FEEDBACK, "on"),
                )
            ),
        )
    if kind == "deadlock":
        return (remark("Retry the cancelled statements, and take locks in one order."), *wait)
    return (remark("Retry the cancelled statements: the tablespace is gone."),)


finding = Finding(
    title="Recovery conflicts",
    severities=(Severity.warning,),
    reads=(database_conflicts,),
    consults=(settings,),
    history=(CANCELLED, SLOTS),
    limits=Limits(),
    judge=judge,
    scope=Reach.server,
    on=Role.standby,
    unit="per minute",
)
