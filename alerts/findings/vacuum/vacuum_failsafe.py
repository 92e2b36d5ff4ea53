"""A vacuum works in failsafe mode: it skips the indexes to freeze the table in time."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import AlertedBy, Evidence, Finding, Outcome, Reach, Severity
from alerts.cure import equals, identifier, remark
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.units import share_text
from collectors._base import Role
from collectors._columns import where
from collectors.progress_vacuum import VacuumProgress, progress_vacuum
from collectors.settings import settings
from collectors.user_tables import UserTable, user_tables


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the server's own settings say when the failsafe begins."""


@dataclass(frozen=True, slots=True)
class Failsafe:
    """Ages from which PostgreSQL itself drops everything but freezing."""

    xid: float
    mxid: float

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Failsafe | None":
        known = {row.name: row.number for row in snapshot.rows(settings) if "age" in row.name}
        xid, freeze = known.get("vacuum_failsafe_age"), known.get("autovacuum_freeze_max_age")
        mxid = known.get("vacuum_multixact_failsafe_age")
        multi = known.get("autovacuum_multixact_freeze_max_age")
        if xid is None or freeze is None or mxid is None or multi is None:
            return None
        return cls(max(xid, 1.05 * freeze), max(mxid, 1.05 * multi))

    def age(self, table: UserTable, *, is_toast: bool) -> float:
        """Return the age as a share of the one from which the failsafe works."""
        xid = table.toast_xid_age if is_toast else table.xid_age
        mxid = table.toast_mxid_age if is_toast else table.mxid_age
        return max((xid or 0) / max(1.0, self.xid), (mxid or 0) / max(1.0, self.mxid))


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    progress = snapshot.rows(progress_vacuum)
    failsafe = Failsafe.of(snapshot) if progress else None
    if failsafe is None:
        return
    at_work = {(row.datname, row.relid): row for row in progress}
    relids = {row.relid for row in progress}
    rows = snapshot.rows(user_tables)
    for name, is_toast in (("relid", False), ("toast_relid", True)):
        for table in where(rows, name, relids):
            row = at_work.get((table.datname, getattr(table, name)))
            if row and (age := failsafe.age(table, is_toast=is_toast)) > 1:
                yield evidence(table, row, age)


def evidence(table: UserTable, row: VacuumProgress, age: float) -> Evidence:
    name = identifier(table.schemaname, table.relname)
    scanned = row.heap_blks_scanned / max(1, row.heap_blks)
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=age,
        message=(
            f"The vacuum of {name} works in failsafe mode, as its oldest row is at"
            f" {share_text(age)} of the age for that: it neither sleeps nor cleans indexes, it only"
            f" freezes. {share_text(round(scanned, 3))} of the table is scanned."
        ),
        facts={
            "pid": row.pid,
            "phase": row.phase,
            "scanned_share": scanned,
            "failsafe_age_share": age,
        },
        cure=(
            remark("Let it finish, whatever it costs; cancelled, it starts again. It takes all"),
            remark(
                "the I/O that it gets. Don't run DDL on the table. txid_wraparound says what is"
            ),
            remark("left. When it has finished, clean the indexes, which it has left as they are:"),
            remark(f"VACUUM (INDEX_CLEANUP ON) {name};"),
        ),
        check=(
            "SELECT pid, phase, heap_blks_scanned, heap_blks_total"
            f" FROM pg_catalog.pg_stat_progress_vacuum WHERE {equals('pid', row.pid)};"
        ),
        object=name,
        database=table.datname,
    )


finding = Finding(
    title="Vacuum failsafe",
    severities=(Severity.warning,),
    reads=(user_tables, progress_vacuum, settings),
    limits=Limits(),
    judge=judge,
    unit="ratio",
    scope=Reach.database,
    on=Role.primary,
    alerted_by=AlertedBy.database,
    because=("txid_wraparound", "mxid_wraparound"),
)
