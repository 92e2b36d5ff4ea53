"""pg_attribute: columns whose name says that they mark rows as deleted."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

QUERY = """
    select
        current_database()::text                                            as datname,
        c.oid                                                               as relid,
        n.nspname::text                                                     as schemaname,
        c.relname::text                                                     as relname,
        a.attnum                                                            as attnum,
        a.attname::text                                                     as attname,
        t.typname::text                                                     as typname,
        a.attnotnull                                                        as attnotnull,
        c.relpages * current_setting('block_size')::int8                    as table_bytes,
        c.reltuples::float8                                                 as table_rows
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a
        on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    where c.relkind = 'r'
        and not c.relispartition
        and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and replace(lower(a.attname), '_', '') in (
            'deletedat', 'deletedon', 'datedeleted', 'deleteddate', 'deletedtime', 'isdeleted',
            'deleted', 'archivedat', 'isarchived', 'removedat', 'isremoved', 'discardedat'
        )
        and t.typname in ('timestamptz', 'timestamp', 'date', 'bool')
        and c.oid {asked}
"""


@dataclass(frozen=True, slots=True)
class SoftDeleteColumn:
    """A column that is set, to a time or to true, instead of deleting the row."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    attnum: int
    attname: str
    typname: str
    """timestamptz, timestamp or date, where live rows have NULL; or bool."""
    attnotnull: bool
    table_bytes: int
    """At the last vacuum or analyze, like the next one."""
    table_rows: float
    """-1 if unknown."""


soft_delete_columns = Collector(
    row=SoftDeleteColumn,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "attnum"),
    bulk=True,
)
