"""A vacuum reads all indexes of its table more than once, as its memory is too small."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity, Shape
from alerts.cure import remark
from alerts.findings.vacuum.vacuum_long_running import name
from alerts.limits import FIXED, BaseLimits
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Bytes, bytes_text
from collectors.progress_vacuum import VacuumProgress, progress_vacuum
from collectors.settings import settings

MIB = 1024**2
CAPPED_BEFORE = 170000
CAP = 1024 * MIB
"""Before that version a vacuum uses no more memory, whatever is set."""
BEFORE_LAST_PASS = ("scanning heap", "vacuuming indexes")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    least_bytes: Annotated[Bytes, FIXED] = 256 * MIB
    """Memory that is advised at least."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for row in snapshot.rows(progress_vacuum):
        memory = memory_of(snapshot, row)
        is_capped = (snapshot.node.version or 0) < CAPPED_BEFORE and (memory or 0) >= CAP
        if has_more_passes(row) and not is_capped:
            yield evidence(snapshot, row, memory, limits)


def has_more_passes(row: VacuumProgress) -> bool:
    """Whether there was a second pass, or there will be one: the scan goes on after the first."""
    return row.index_vacuums > 1 or (row.index_vacuums == 1 and row.phase in BEFORE_LAST_PASS)


def setting_of(row: VacuumProgress) -> str:
    return "autovacuum_work_mem" if row.is_autovacuum else "maintenance_work_mem"


def memory_of(snapshot: Snapshot, row: VacuumProgress) -> float | None:
    """Return the memory that such a vacuum is given, in bytes."""
    known = {one.name: one.number for one in snapshot.rows(settings)}
    own = known.get(setting_of(row))
    return known.get("maintenance_work_mem") if own in (None, -1) else own


def evidence(
    snapshot: Snapshot, row: VacuumProgress, memory: float | None, limits: Limits
) -> Evidence:
    wanted = max(limits.least_bytes, int(4 * (memory or 0)))
    if (snapshot.node.version or 0) < CAPPED_BEFORE:
        wanted = min(CAP, wanted)
    given = f" of {bytes_text(memory)}" if memory else ""
    passes = row.index_vacuums + (row.phase in BEFORE_LAST_PASS)
    return Evidence(
        subject=name(row),
        severity=Severity.info,
        value=passes,
        message=(
            f"The vacuum of {name(row)} reads all its indexes {passes} times or more, as the dead"
            f" rows don't fit into its memory{given}."
        ),
        facts={
            "index_passes": row.index_vacuums,
            "memory_bytes": memory,
            "scanned_share": row.heap_blks_scanned / max(1, row.heap_blks),
            "phase": row.phase,
        },
        cure=(
            remark("For the next vacuum; each worker may use that much:"),
            *change(snapshot, setting_of(row), f"'{wanted // MIB}MB'"),
            remark("A table of this size should also be vacuumed more often, with fewer dead rows"),
            remark("each time: lower its autovacuum_vacuum_scale_factor."),
        ),
        check=(
            "SELECT pid, relid::pg_catalog.regclass, phase, index_vacuum_count"
            " FROM pg_catalog.pg_stat_progress_vacuum;"
        ),
        key=f"{row.datname}:{row.relid}:{row.pid}",
        database=row.datname,
    )


finding = Finding(
    title="Vacuum with several index passes",
    severities=(Severity.info,),
    reads=(progress_vacuum, settings),
    limits=Limits(),
    judge=judge,
    unit="passes",
    shape=Shape.event,
    kind=FindingKind.review,
    scope=Reach.database,
    linger=timedelta(days=1),
)
