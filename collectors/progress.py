"""pg_stat_progress_analyze, _create_index, _cluster and _copy: progress in common terms."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample, Scope
from collectors._capabilities import READ_ALL_STATS

# One row for each counted unit. A total of 0 is unknown, or does not apply.
QUERY = """
    with working as (
        select p.pid, p.relid, 'ANALYZE' as command, p.phase, u.*
        from pg_catalog.pg_stat_progress_analyze p
        cross join lateral (values
            ('blocks', p.sample_blks_scanned, p.sample_blks_total),
            ('child_tables', p.child_tables_done, p.child_tables_total)
        ) as u(unit, done, expected)
        where p.datname = current_database()
        union all
        select p.pid, p.relid, p.command, p.phase, u.*
        from pg_catalog.pg_stat_progress_create_index p
        cross join lateral (values
            ('blocks', p.blocks_done, p.blocks_total),
            ('tuples', p.tuples_done, p.tuples_total),
            ('partitions', p.partitions_done, p.partitions_total),
            ('lockers', p.lockers_done, p.lockers_total)
        ) as u(unit, done, expected)
        where p.datname = current_database()
        union all
        select p.pid, p.relid, p.command, p.phase, u.*
        from pg_catalog.pg_stat_progress_cluster p
        cross join lateral (values
            ('blocks', p.heap_blks_scanned, p.heap_blks_total),
            ('tuples', p.heap_tuples_scanned, 0),
            ('indexes', p.index_rebuild_count, 0)
        ) as u(unit, done, expected)
        where p.datname = current_database()
        union all
        select p.pid, p.relid, p.command, lower(p.type), u.*
        from pg_catalog.pg_stat_progress_copy p
        cross join lateral (values
            ('bytes', p.bytes_processed, p.bytes_total),
            ('tuples', p.tuples_processed, 0)
        ) as u(unit, done, expected)
        where p.datname = current_database()
    )
    select
        current_database()::text                    as datname,
        w.pid                                       as pid,
        w.command                                   as command,
        w.relid                                     as relid,
        n.nspname::text                             as schemaname,
        c.relname::text                             as relname,
        w.phase                                     as phase,
        w.unit                                      as unit,
        w.done                                      as done,
        nullif(w.expected, 0)                       as expected
    from working w
    left join pg_catalog.pg_class c on c.oid = w.relid
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of one command in one unit."""

    datname: str
    pid: int
    command: str
    """ANALYZE, CREATE INDEX (CONCURRENTLY), REINDEX (CONCURRENTLY), CLUSTER, VACUUM FULL, COPY …"""
    relid: int
    schemaname: str | None
    relname: str | None
    """None for a COPY of a query."""
    phase: str
    """For COPY, its source or target: file, program, pipe or callback."""
    unit: str
    """blocks, tuples, bytes, partitions, child_tables, indexes or lockers."""
    done: int
    expected: int | None
    """None: unknown."""


LABELS = ("datname", "command", "schemaname", "relname")
Labels = tuple[str | None, ...]


def phases(rows: Sequence[Progress]) -> Iterator[Sample]:
    for labels in sorted({(*labels_of(row), row.phase) for row in rows}, key=str):
        yield labels, 1


def labels_of(row: Progress) -> Labels:
    return row.datname, row.command, row.schemaname, row.relname


def summed(value: Callable[[Progress], int | None]) -> Callable[[Sequence[Progress]], list[Sample]]:
    """Merge rows with the same labels: several sessions may work on one table, as in a parallel
    restore."""

    def samples(rows: Sequence[Progress]) -> list[Sample]:
        sums: dict[Labels, int] = {}
        for row in rows:
            labels, counted = (*labels_of(row), row.unit), value(row)
            if counted is not None and (row.done or row.expected):
                sums[labels] = sums.get(labels, 0) + counted
        return list(sums.items())

    return samples


progress = Collector(
    row=Progress,
    lane=Lane.table,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "pid", "command", "unit"),
    needs=(READ_ALL_STATS,),
    metrics=(
        Metric(
            "pg_stat_progress_phase",
            "gauge",
            "1 for the current phase of a running ANALYZE, CREATE INDEX, CLUSTER or COPY.",
            (*LABELS, "phase"),
            phases,
        ),
        Metric(
            "pg_stat_progress_done",
            "gauge",
            "How much is done, in the command's unit.",
            (*LABELS, "unit"),
            summed(lambda row: row.done),
        ),
        Metric(
            "pg_stat_progress_expected",
            "gauge",
            "How much there is to do, in the command's unit; absent if unknown.",
            (*LABELS, "unit"),
            summed(lambda row: row.expected),
        ),
    ),
)
