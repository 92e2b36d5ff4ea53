"""A statement that runs now has written gigabytes of temporary files: its work does not fit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.client_name import client_text, session_name
from alerts.connections import untold
from alerts.cure import ACTIVITY, cancel, identifier, remark, session_guard, since
from alerts.limits import BaseLimits
from alerts.long_work import is_on_purpose
from alerts.plural import plural
from alerts.query_text import normalised
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from collectors.activity import UNTOLD, Session, activity
from collectors.temp_files import TempFiles, temp_files


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    written: Bytes = 4 * 1024**3
    """Size of the temporary files of one session. Index builds and backup tools are left out.
    Files that parallel workers share can't be seen."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    files = snapshot.answer(temp_files)
    sessions = {row.pid: row for row in snapshot.rows(activity)}
    for pid, rows in by_session(files.rows).items():
        size = sum(row.size_bytes for row in rows)
        session = sessions.get(pid)
        if size < limits.written or not session:
            continue
        if session.state == UNTOLD:
            yield from untold([session])
        elif is_writing(session, snapshot.at - files.at):
            yield evidence(session, rows)


def by_session(rows: Sequence[TempFiles]) -> dict[int, list[TempFiles]]:
    found: dict[int, list[TempFiles]] = {}
    for row in rows:
        if row.pid is not None:
            found.setdefault(row.pid, []).append(row)
    return found


def is_writing(session: Session, age: float) -> bool:
    """Whether the statement that wrote the files, seen that many seconds ago, still runs."""
    began = session.query_seconds
    return (
        session.state in ("active", "idle in transaction")
        and began is not None
        and began >= age
        and not is_on_purpose(session)
    )


def evidence(session: Session, rows: list[TempFiles]) -> Evidence:
    size, files = sum(row.size_bytes for row in rows), sum(row.files for row in rows)
    who = session_name(session.usename, session.application_name)
    start = session.backend_start_text or ""
    role = identifier(session.usename) if session.usename else "…"
    return Evidence(
        subject=f"{session.datname}: {who}, pid {session.pid}",
        severity=Severity.warning,
        value=size,
        message=(
            f"{who} in {session.datname} has {bytes_text(size)} of temporary files"
            f" ({plural(files, 'file')}) for one statement."
        ),
        facts={
            "pid": session.pid,
            "user": session.usename,
            "application": session.application_name,
            "client": client_text(session.client_addr),
            "temp_bytes": size,
            "temp_files": files,
            "tablespaces": ", ".join(sorted({row.spcname for row in rows})),
            "running_seconds": session.query_seconds,
            "query_id": None if session.query_id is None else str(session.query_id),
            "statement": normalised(session.query),
        },
        cure=(
            remark(
                "The files are removed when the statement ends. If the volume fills, cancel it:"
            ),
            cancel(session.pid, start, session.xact_start_text),
            remark("Permanently: an index that gives the order, fewer rows or columns before the"),
            remark(f"sort, or more memory: ALTER ROLE {role} SET work_mem = '64MB';"),
            remark("temp_file_limit for the role ends such statements before the volume is full."),
        ),
        check=(
            f"SELECT pid, state, {since('query_start')} AS running, query_id"
            f" FROM {ACTIVITY} WHERE {session_guard(session.pid, start, None)};"
        ),
        key=session.key,
        database=session.datname,
    )


finding = Finding(
    title="Statement spills to disk",
    severities=(Severity.warning,),
    reads=(temp_files, activity),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    scope=Reach.database,
    alerted_by=AlertedBy.subject,
    outlives_restart=False,
)
