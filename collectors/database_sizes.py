"""pg_database_size: how much room each database takes on disk. It walks every file."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge

# Where we may neither connect nor read all statistics the function would raise an error, and no
# other database would be told either. A database that is half-dropped has no files to walk.
QUERY = """
    select
        datname::text   as datname,
        case
            when datconnlimit = -2 then null
            when has_database_privilege(oid, 'connect')
                or pg_has_role('pg_read_all_stats', 'usage')
            then pg_database_size(oid)
        end             as size_bytes
    from pg_catalog.pg_database
"""


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """One database; a size of None is not ours to read."""

    datname: str
    size_bytes: int | None


size: Metric[DatabaseSize] = gauge(
    "pg_database_size_bytes",
    "Disk space that the database uses.",
    lambda row: row.size_bytes,
    ("datname",),
)

database_sizes = Collector(
    row=DatabaseSize,
    lane=Lane.slow,
    sql={140000: QUERY},
    key=("datname",),
    metrics=(size, size.also("pg_database_size")),
)
