"""pg_database_size: size of each database on disk. The function reads the size of every file."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, gauge

# Without CONNECT and pg_read_all_stats, the function would raise an error for the whole query. A
# database that is half dropped has no files.
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
    """Size of one database; None if the role may not read it."""

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
