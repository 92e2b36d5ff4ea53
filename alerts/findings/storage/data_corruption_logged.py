"""The server has logged that data or an index are damaged: SQLSTATE XX001 or XX002."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, moment_text
from collectors.log_counts import LogCount, log_counts

DAMAGE = {"XX001": "data", "XX002": "an index"}


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    remembered: Annotated[Duration, FIXED] = timedelta(days=1)
    """How long after the last error it is reported."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    found: dict[tuple[str, str | None], list[LogCount]] = {}
    for row in snapshot.rows(log_counts):
        recent = snapshot.at - row.last < limits.remembered.total_seconds()
        if row.sqlstate in DAMAGE and recent:
            found.setdefault((row.sqlstate, row.datname), []).append(row)
    for (sqlstate, database), rows in found.items():
        yield evidence(sqlstate, database, rows, snapshot.at)


def evidence(sqlstate: str, database: str | None, rows: list[LogCount], at: float) -> Evidence:
    count, last = sum(row.count for row in rows), max(row.last for row in rows)
    where = f" in {database}" if database else ""
    return Evidence(
        subject=f"{sqlstate}{where}",
        severity=Severity.critical,
        value=count,
        message=(
            f"The log has {plural(count, 'error')} {sqlstate}{where}, the last read at"
            f" {moment_text(last)}: PostgreSQL found {DAMAGE[sqlstate]} damaged."
        ),
        facts={
            "sqlstate": sqlstate,
            "errors": count,
            "last_seconds": at - last,
            "user": rows[0].usename,
        },
        cure=STEPS[sqlstate],
        check="",
        database=database,
    )


STEPS = {
    "XX001": (
        remark(
            "1. The log names the relation, the block or the file. Do not restart or vacuum yet."
        ),
        remark("2. Keep all backups and WAL archives of before: switch off whatever expires them."),
        remark("3. Look at the storage: kernel log, SMART, RAID, memory. Other pages may follow."),
        remark("4. A standby has its own copy: compare the table there; if it is whole, fail over"),
        remark("   to it and rebuild this server elsewhere."),
        remark("5. Without one: restore a backup from before the damage to another machine."),
        remark("Don't set zero_damaged_pages: it erases the rows of the page for ever."),
    ),
    "XX002": (
        remark("1. The log names the index. Rebuild it concurrently, as the runbook shows; for a"),
        remark("   unique one look for duplicate keys in the table first."),
        remark("2. Check the others with amcheck (bt_index_check). If the C library was upgraded,"),
        remark("   all indexes on text are concerned: see collation_version_mismatch."),
        remark("3. Look at the storage: kernel log, SMART, RAID, memory."),
    ),
}

finding = Finding(
    title="Damaged data in the log",
    severities=(Severity.critical,),
    reads=(log_counts,),
    limits=Limits(),
    judge=judge,
    unit="errors",
    scope=Reach.database,
    alerted_by=AlertedBy.database,
)
