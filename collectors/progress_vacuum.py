"""pg_stat_progress_vacuum: progress of vacuums. It runs in each database, to name the tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, Metric, Sample, Scope, gauge
from collectors._capabilities import READ_ALL_STATS
from collectors._sessions import without_tables

QUERY = """
    select
        current_database()::text                                as datname,
        p.pid                                                   as pid,
        p.relid                                                 as relid,
        n.nspname::text                                         as schemaname,
        coalesce(c.relname::text, p.relid::text)                as relname,
        p.phase                                                 as phase,
        a.backend_type = 'autovacuum worker'                    as is_autovacuum,
        extract(epoch from clock_timestamp() - a.xact_start)::float8 as running_seconds,
        p.heap_blks_total                                       as heap_blks,
        p.heap_blks_scanned                                     as heap_blks_scanned,
        p.heap_blks_vacuumed                                    as heap_blks_vacuumed,
        p.index_vacuum_count                                    as index_vacuums,
        {dead_tuples}
    from pg_catalog.pg_stat_progress_vacuum p
    left join {{sessions}} a on a.pid = p.pid
    left join pg_catalog.pg_class c on c.oid = p.relid
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where p.datname = current_database()
"""
TUPLES = """p.max_dead_tuples                                   as max_dead_tuples,
        p.num_dead_tuples                                       as num_dead_tuples,
        null::int8                                              as max_dead_tuple_bytes,
        null::int8                                              as dead_tuple_bytes,
        null::int8                                              as indexes,
        null::int8                                              as indexes_processed,
        null::float8                                            as delay_seconds"""
BYTES = """null::int8                                           as max_dead_tuples,
        p.num_dead_item_ids                                     as num_dead_tuples,
        p.max_dead_tuple_bytes                                  as max_dead_tuple_bytes,
        p.dead_tuple_bytes                                      as dead_tuple_bytes,
        p.indexes_total                                         as indexes,
        p.indexes_processed                                     as indexes_processed,
        {delay_seconds}::float8                                 as delay_seconds"""
TUPLE_ID = 6
"""Memory of a dead row before 17, in bytes."""


@dataclass(frozen=True, slots=True)
class VacuumProgress:
    datname: str
    pid: int
    relid: int
    schemaname: str | None
    relname: str
    phase: str
    is_autovacuum: bool | None
    running_seconds: float | None
    heap_blks: int
    heap_blks_scanned: int
    heap_blks_vacuumed: int
    index_vacuums: int
    """Completed passes over the indexes."""
    max_dead_tuples: int | None
    """Before 17."""
    num_dead_tuples: int
    max_dead_tuple_bytes: int | None
    """Since 17, as are the following."""
    dead_tuple_bytes: int | None
    indexes: int | None
    indexes_processed: int | None
    delay_seconds: float | None
    """Seconds slept because of cost limits, with track_cost_delay_timing; since 18."""

    @property
    def dead_tuples_at_most(self) -> float | None:
        """Number of dead rows that fit into memory; since 17, extrapolated from those found."""
        if self.max_dead_tuple_bytes is None:
            return self.max_dead_tuples
        if not self.num_dead_tuples or not self.dead_tuple_bytes:
            return self.max_dead_tuple_bytes // TUPLE_ID
        return self.max_dead_tuple_bytes * self.num_dead_tuples / self.dead_tuple_bytes


PHASES = (
    "initializing",
    "scanning heap",
    "vacuuming indexes",
    "vacuuming heap",
    "cleaning up indexes",
    "truncating heap",
    "performing final cleanup",
)
PREFIX = "pg_stat_progress_vacuum_"
LABELS = ("datname", "relname")


def phases(rows: Sequence[VacuumProgress]) -> Iterator[Sample]:
    for row in rows:
        for phase in PHASES:
            yield (row.datname, row.relname, phase), row.phase == phase


def fact(name: str, text: str, attribute: str = "", note: str = "") -> Metric[VacuumProgress]:
    return gauge(PREFIX + name, text, attrgetter(attribute or name), LABELS, note=note)


def written(dead_tuples: str) -> str:
    return without_tables(QUERY.format(dead_tuples=dead_tuples))


progress_vacuum = Collector(
    row=VacuumProgress,
    lane=Lane.table,
    sql={
        140000: written(TUPLES),
        170000: written(BYTES.format(delay_seconds="null")),
        180000: written(BYTES.format(delay_seconds="p.delay_time / 1000")),
    },
    scope=Scope.database,
    key=("datname", "pid"),
    needs=(READ_ALL_STATS,),
    metrics=(
        Metric(
            PREFIX + "phase",
            "gauge",
            "1 for the current phase of a vacuum, 0 for the others.",
            (*LABELS, "phase"),
            phases,
        ),
        fact("heap_blks", "Blocks of the table."),
        fact("heap_blks_scanned", "Scanned blocks."),
        fact("heap_blks_vacuumed", "Vacuumed blocks."),
        fact("index_vacuums", "Completed passes over all indexes."),
        fact(
            "max_dead_tuples",
            "Dead rows that fit into memory before the indexes have to be vacuumed.",
            "dead_tuples_at_most",
            "Rows on every version; postgres_exporter serves bytes since 17. Extrapolated there"
            " from the memory of the rows found.",
        ),
        fact(
            "num_dead_tuples",
            "Dead rows found since the indexes were last vacuumed.",
            note="Rows on every version; postgres_exporter serves bytes since 17.",
        ),
        fact("max_dead_tuple_bytes", "Memory for dead rows.").from_version(17),
        fact("dead_tuple_bytes", "Memory that dead rows take.").from_version(17),
        fact("indexes", "Indexes to vacuum.").from_version(17),
        fact("indexes_processed", "Indexes vacuumed in this pass.").from_version(17),
        fact(
            "delay_seconds", "Time slept because of cost limits, with track_cost_delay_timing."
        ).from_version(18),
    ),
)
