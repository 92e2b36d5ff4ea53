"""An index is being built: what it has done so far, and what it does next."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Outcome, Severity
from alerts.cure import identifier, remark
from alerts.findings.migrations._running import (
    owner,
    progress_text,
    running_review,
    session_of,
    shown,
)
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Duration, duration_text
from collectors.activity import Session
from collectors.index_builds import IndexBuild, index_builds


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    running: Duration = timedelta(minutes=1)
    """Time from which a build is listed."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(index_builds):
        if (row.running_seconds or 0.0) >= limits.running.total_seconds():
            yield evidence(row, session_of(snapshot, row.pid))


def table_of(row: IndexBuild) -> str:
    return identifier(row.schemaname, row.relname) if row.schemaname else row.relname


def done(row: IndexBuild) -> str:
    return progress_text(row.blocks_done, row.blocks) or progress_text(row.tuples_done, row.tuples)


def evidence(row: IndexBuild, session: Session | None) -> Evidence:
    seconds = row.running_seconds or 0.0
    index = f" {identifier(row.indexrelname)}" if row.indexrelname else ""
    blocks = "" if "CONCURRENTLY" in row.command else "; writes to the table wait until it is done"
    return Evidence(
        subject=f"{table_of(row)}:{index or ' an index'}",
        severity=Severity.info,
        value=seconds,
        message=(
            f"{owner(session)} has been building the index{index} on {table_of(row)} for"
            f" {duration_text(seconds)} ({row.command}): {row.phase}{done(row)}{blocks}."
        ),
        facts={
            "pid": row.pid,
            "command": row.command,
            "phase": row.phase,
            "running_seconds": seconds,
            "blocks_done": row.blocks_done,
            "blocks": row.blocks,
            "tuples_done": row.tuples_done,
            "tuples": row.tuples,
        },
        cure=(
            remark("Let it finish. Cancelled, a CONCURRENTLY build leaves an invalid index, which"),
            remark("index_invalid reports; one without CONCURRENTLY leaves nothing."),
        ),
        check=shown(session),
        key=f"{row.pid}:{row.relid}",
        database=row.datname,
    )


finding = running_review("Index build running", Limits(), judge, index_builds)
