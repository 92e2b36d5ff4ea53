"""pg_stat_database_conflicts: statements that a standby cancelled because of replay."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric

COLUMNS = """
    select
        datid::int8         as oid,
        datname::text       as datname,
        confl_tablespace,
        confl_lock,
        confl_snapshot,
        confl_bufferpin,
        confl_deadlock,
        {logicalslot}::int8 as confl_active_logicalslot
    from pg_catalog.pg_stat_database_conflicts
"""


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Cancelled statements of one database, by kind of conflict; all 0 on a primary."""

    oid: int
    datname: str
    confl_tablespace: int | None
    confl_lock: int | None
    confl_snapshot: int | None
    confl_bufferpin: int | None
    confl_deadlock: int | None
    confl_active_logicalslot: int | None
    """Since 16."""

    @property
    def datid(self) -> str:
        return str(self.oid)


KINDS = ("tablespace", "lock", "snapshot", "bufferpin", "deadlock", "active_logicalslot")


def cancelled(kind: str) -> Metric[Conflicts]:
    return Metric(
        f"pg_stat_database_conflicts_confl_{kind}",
        # postgres_exporter's name of the newest kind is not a counter by type.
        "untyped" if kind == "active_logicalslot" else "counter",
        f"Statements cancelled by recovery: {kind}.",
        ("datid", "datname"),
        lambda rows: (((row.datid, row.datname), getattr(row, f"confl_{kind}")) for row in rows),
        note="The label server is present on pages with several servers.",
        since=16 if kind == "active_logicalslot" else 0,
    )


database_conflicts = Collector(
    row=Conflicts,
    lane=Lane.normal,
    sql={
        140000: COLUMNS.format(logicalslot="null"),
        160000: COLUMNS.format(logicalslot="confl_active_logicalslot"),
    },
    key=("datname",),
    counters=tuple(f"confl_{kind}" for kind in KINDS[:-1]),
    metrics=tuple(cancelled(kind) for kind in KINDS),
)
