"""Pages were read whose checksum is wrong: the storage has damaged data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity, Unjudged
from alerts.cure import equals, literal, remark
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Duration, moment_text
from collectors.databases import Database, databases
from collectors.shared_objects import SharedObjects, shared_objects


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    recent: Annotated[Duration, FIXED] = timedelta(days=1)
    """Age of the last failure up to which it is critical: it may be going on."""
    remembered: Annotated[Duration, FIXED] = timedelta(days=14)
    """Age of the last failure up to which it is reported."""


SHARED = "shared catalogues"


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    rows = snapshot.rows(databases)
    if all(row.checksum_failures is None for row in rows):
        yield Unjudged("data checksums are off on this server", setting="data_checksums")
    for row in rows:
        age = snapshot.at - (row.checksum_last_failure or 0.0)
        if row.checksum_failures and age < limits.remembered.total_seconds():
            yield evidence(row, row.datname, age, limits)
    if not snapshot.has(shared_objects):
        yield Unjudged("failures in shared catalogues are not known", subject=SHARED)
        return
    shared = snapshot.row(shared_objects)
    age = snapshot.at - (shared.checksum_last_failure or 0.0)
    if shared.checksum_failures and age < limits.remembered.total_seconds():
        yield evidence(shared, None, age, limits)


def evidence(
    row: Database | SharedObjects, database: str | None, age: float, limits: Limits
) -> Evidence:
    """Return the failures of one database, or of what belongs to none."""
    recent, what = age < limits.recent.total_seconds(), database or SHARED
    where = equals("datid", 0) if database is None else equals("datname", literal(database))
    return Evidence(
        subject=what,
        severity=Severity.critical if recent else Severity.warning,
        value=row.checksum_failures or 0,
        message=(
            f"{plural(row.checksum_failures or 0, 'page')} of {what} had a wrong checksum"
            f" when read, last at {moment_text(row.checksum_last_failure or 0.0)}: the storage"
            " gave back other bytes than were written."
        ),
        facts={
            "failures": row.checksum_failures,
            "last_failure_seconds": age,
            "datname": database,
        },
        cure=STEPS,
        check=(
            "SELECT datname, checksum_failures, checksum_last_failure FROM"
            f" pg_catalog.pg_stat_database WHERE {where};"
        ),
        database=database,
    )


STEPS = (
    remark("1. The log names file and block, after 'page verification failed' and 'invalid page'."),
    remark("2. Keep all backups and WAL archives of before: switch off whatever expires them."),
    remark("3. Look at the storage: kernel log, SMART, RAID, memory. Other pages may follow."),
    remark("4. A standby has its own copy of the page. If its checksums are right (stop one and"),
    remark("   run pg_checksums --check), fail over to it, and rebuild this server elsewhere."),
    remark("5. Without a standby: restore a backup from before the damage to another machine, and"),
    remark("   roll it forward by the archive; run pg_checksums --check there too."),
    remark("6. If the file is that of an index (pg_filenode_relation says so), rebuild the index."),
    remark("Don't set zero_damaged_pages or ignore_checksum_failure: the first erases the rows"),
    remark("of the page for ever, the second reads damaged rows and writes them elsewhere."),
    remark("Don't run VACUUM FULL, pg_resetwal or pg_checksums --disable over it."),
)

finding = Finding(
    title="Data checksum failures",
    severities=(Severity.warning, Severity.critical),
    reads=(databases,),
    consults=(shared_objects,),
    limits=Limits(),
    judge=judge,
    scope=Reach.database,
    alerted_by=AlertedBy.database,
    unit="pages",
)
