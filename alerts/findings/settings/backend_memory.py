"""An idle session keeps much memory of its own, which the server lacks elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import ACTIVITY, equals, literal, remark, terminate
from alerts.limits import FIXED, BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, bytes_text, duration_text
from collectors.backend_memory import BackendMemory, backend_memory

IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    size: Bytes = 512 << 20
    """Memory of one session while it does nothing."""
    idle: Annotated[Duration, FIXED] = timedelta(minutes=5)
    """Time since its last statement; what sorts and hashes took is given back by then."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(backend_memory):
        is_idle = row.state == IDLE and (row.state_seconds or 0.0) >= limits.idle.total_seconds()
        if is_idle and row.rss_anon_bytes >= limits.size:
            yield evidence(row)


def evidence(row: BackendMemory) -> Evidence:
    who = f"{row.usename or '?'} ({row.application_name or 'no application_name'})"
    return Evidence(
        subject=f"pid {row.pid} of {who}",
        severity=Severity.info,
        value=row.rss_anon_bytes,
        message=(
            f"The session with pid {row.pid} of {who} has {bytes_text(row.rss_anon_bytes)} of"
            f" memory of its own, and has been idle for {duration_text(row.state_seconds or 0.0)}:"
            f" it has collected that in {duration_text(row.backend_seconds)} and gives it back"
            " when it ends."
        ),
        facts={
            "rss_anon_bytes": row.rss_anon_bytes,
            "idle_seconds": row.state_seconds,
            "session_seconds": row.backend_seconds,
            "database": row.datname,
            "application": row.application_name,
        },
        cure=(
            remark("Let the pool of the application replace its connections, such as each hour."),
            remark("This one, if it is still idle; its application must open another:"),
            end_if_idle(row),
        ),
        check=f"SELECT pid, state, state_change FROM {ACTIVITY} WHERE {equals('pid', row.pid)};",
        key=f"{row.pid} {row.backend_start_text}",
    )


def end_if_idle(row: BackendMemory) -> str:
    """Return a statement that ends the session, unless it has begun to work since."""
    ended = terminate(row.pid, row.backend_start_text, None).removesuffix(";")
    return f"{ended} AND {equals('state', literal(IDLE))};"


finding = Finding(
    title="Memory of idle sessions",
    severities=(Severity.info,),
    reads=(backend_memory,),
    limits=Limits(),
    judge=judge,
    unit="bytes",
    kind=FindingKind.review,
    outlives_restart=False,
)
