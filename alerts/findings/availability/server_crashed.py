"""PostgreSQL crashed, or one of its processes did: all sessions ended, and it had to recover."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Evidence, Finding, Outcome, Severity, Shape
from alerts.cure import remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.starts import STARTS, Start, StartKind
from alerts.units import moment_text
from collectors.activity import activity
from collectors.server import server

HOUR = 3600.0
DAY = 24 * HOUR
CHECK = (
    "SELECT pg_catalog.pg_postmaster_start_time() AS postmaster, backend_start AS checkpointer"
    " FROM pg_catalog.pg_stat_activity"
    " WHERE backend_type OPERATOR(pg_catalog.=) 'checkpointer';"
)


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    critical_per_hour: int = 3
    """Crashes within an hour from which it is critical: it will not stop by itself."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    crashes = [start for start in snapshot.of(STARTS).within(DAY) if is_crash(start)]
    for crash in crashes:
        before = [one for one in crashes if 0 <= crash.at - one.at < HOUR]
        yield evidence(crash, len(before), limits)


def is_crash(start: Start) -> bool:
    """Whether it is one; a standby that is rebuilt or rewound starts unclean, and is well."""
    if start.kind is StartKind.unclean:
        return not start.standby
    return start.kind is StartKind.backend_crash


def evidence(crash: Start, within_hour: int, limits: Limits) -> Evidence:
    when = moment_text(crash.at)
    critical = within_hour >= limits.critical_per_hour
    often = f" It was crash number {within_hour} within an hour." if within_hour > 1 else ""
    return Evidence(
        subject=f"crash at {when}",
        severity=Severity.critical if critical else Severity.warning,
        value=1,
        message=f"{said(crash, when)}{often}",
        facts={
            "crashed_at": when,
            "kind": crash.kind.value,
            "crashes_within_hour": within_hour,
            "standby": crash.standby,
        },
        cure=cure(crash, within_hour),
        check=CHECK,
        key=f"{crash.kind.value}@{crash.at:.3f}",
    )


def said(crash: Start, when: str) -> str:
    if crash.kind is StartKind.backend_crash:
        return (
            f"A process of the server crashed or was killed at {when}: PostgreSQL ended all"
            " sessions and recovered."
        )
    return (
        f"The server was started at {when} without a clean stop before: it crashed, was killed"
        " or was stopped with 'immediate', and had to recover."
    )


def cure(crash: Start, within_hour: int) -> tuple[str, ...]:
    one = crash.kind is StartKind.backend_crash
    log = (
        "1. In the server's log, find 'was terminated by signal' or 'PANIC' before the recovery."
        if one
        else "1. In the log of the server and of its machine, find what ended it."
    )
    stop = (
        (remark(f"{plural(within_hour, 'crash', 'crashes')} within an hour: stop what causes it."),)
        if within_hour > 1
        else ()
    )
    return (
        *stop,
        remark(log),
        remark("2. Signal 9 is most often the kernel's OOM killer ('Out of memory' in dmesg -T):"),
        remark("   lower work_mem or the number of sessions, set vm.overcommit_memory = 2, and"),
        remark("   give a container more memory. Never send kill -9 to a backend."),
        remark("3. Signal 11 or 6 is a bug, often of an extension: the statement that ran is in"),
        remark("   the log line 'Failed process was running'; don't repeat it before an update."),
        remark("4. PANIC names a file: a full or failing disk. See to the disk first."),
        remark("5. statistics_lost names the tables that need ANALYZE now."),
    )


finding = Finding(
    title="Server crashed",
    severities=(Severity.warning, Severity.critical),
    reads=(server, activity),
    history=(STARTS,),
    limits=Limits(),
    judge=judge,
    unit="crashes",
    shape=Shape.event,
    linger=timedelta(hours=1),
)
