"""pg_locks: number of locks by database and mode."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge

# A database without locks has 0 for each mode, as existing dashboards expect.
QUERY = """
    select
        d.datname::text         as datname,
        lower(m.mode)           as mode,
        coalesce(l.locks, 0)    as locks,
        coalesce(l.waiting, 0)  as waiting
    from pg_catalog.pg_database d
    cross join unnest(array[
        'AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock',
        'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock', 'SIReadLock'
    ]) as m(mode)
    left join (
        select database, mode, count(*) as locks, count(*) filter (where not granted) as waiting
        from pg_catalog.pg_locks group by database, mode
    ) l on l.database = d.oid and l.mode = m.mode
"""


@dataclass(frozen=True, slots=True)
class LockCount:
    """Locks on objects of one database; locks on transactions belong to no database."""

    datname: str
    mode: str
    """In lower case."""
    locks: int
    waiting: int

    @property
    def serializable_in(self) -> str | None:
        """The database, if these are the locks of SERIALIZABLE transactions."""
        return self.datname if self.mode == "sireadlock" and self.locks else None


lock_counts = Collector(
    row=LockCount,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("datname", "mode"),
    metrics=(
        gauge(
            "pg_locks_count",
            "Locks held or waited for.",
            lambda row: row.locks,
            ("datname", "mode"),
        ),
    ),
)
