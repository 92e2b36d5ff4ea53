"""Something happens that the log would explain, and the setting that logs it is off."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.findings.settings._rows import by_name, hidden
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from collectors.databases import databases
from collectors.settings import Setting, settings


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    deadlocks: int = 1
    """Deadlocks since the statistics were reset from which lock waits should be logged."""
    temp_files: int = 1000
    """Temporary files since the statistics were reset from which they should be logged."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    known, counted = by_name(snapshot), snapshot.rows(databases)
    waits, files = known.get("log_lock_waits"), known.get("log_temp_files")
    yield from hidden(waits, files)
    deadlocks = sum(row.deadlocks or 0 for row in counted)
    if waits is not None and waits.setting == "off" and deadlocks >= limits.deadlocks:
        said = plural(deadlocks, "deadlock was", "deadlocks were")
        why = f"{said} counted, and the lock waits before them are not logged"
        yield evidence(snapshot, waits, "on", why, {"deadlocks": deadlocks})
    written = sum(row.temp_files or 0 for row in counted)
    if files is not None and files.setting == "-1" and written >= limits.temp_files:
        why = f"{written:,} temporary files were written, and no statement is logged with them"
        yield evidence(snapshot, files, "'10MB'", why, {"temp_files": written})


def evidence(
    snapshot: Snapshot, row: Setting, value: str, why: str, facts: dict[str, int]
) -> Evidence:
    return Evidence(
        subject=row.name,
        severity=Severity.info,
        value=1,
        message=f"{row.name} is {row.setting}, but {why}.",
        facts={"value": row.setting, **facts},
        cure=change(snapshot, row.name, value),
        check=(
            "SELECT datname, deadlocks, temp_files, temp_bytes, stats_reset"
            " FROM pg_catalog.pg_stat_database;"
        ),
    )


finding = Finding(
    title="Log without the reasons",
    severities=(Severity.info,),
    reads=(settings, databases),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
)
