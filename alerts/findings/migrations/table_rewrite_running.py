"""VACUUM FULL or CLUSTER rewrites a table, and keeps every other session out of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import identifier
from alerts.findings.migrations._running import (
    owner,
    progress_text,
    running_review,
    session_of,
    shown,
    stopped,
)
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session
from collectors.progress import Progress, progress

COMMANDS = ("CLUSTER", "VACUUM FULL")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    running: Duration = timedelta(seconds=10)
    """Time from which it is listed."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(progress):
        if row.command in COMMANDS and row.unit == "blocks" and row.relname:
            session = session_of(snapshot, row.pid)
            seconds = (session.query_seconds if session else None) or 0.0
            if seconds >= limits.running.total_seconds():
                yield evidence(row, session, seconds)


def evidence(row: Progress, session: Session | None, seconds: float) -> Evidence:
    table = identifier(row.schemaname or "", row.relname or "")
    return Evidence(
        subject=table,
        severity=Severity.info,
        value=seconds,
        message=(
            f"{owner(session)} has been rewriting {table} for {duration_text(seconds)}"
            f" ({row.command}): {row.phase}{progress_text(row.done, row.expected)}; no session can"
            " read it or write to it before it ends."
        ),
        facts={
            "pid": row.pid,
            "command": row.command,
            "phase": row.phase,
            "running_seconds": seconds,
            "blocks_done": row.done,
            "blocks": row.expected,
        },
        cure=stopped(session, "it leaves the table as it was"),
        check=shown(session),
        key=f"{row.pid}:{row.relid}",
        database=row.datname,
    )


finding = running_review("Table rewrite running", Limits(), judge, progress)
