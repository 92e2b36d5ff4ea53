"""pg_attribute: texts that are named like a status, and that no constraint restricts."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

QUERY = """
    select
        current_database()::text                        as datname,
        c.oid                                           as relid,
        n.nspname::text                                 as schemaname,
        c.relname::text                                 as relname,
        a.attname::text                                 as attname,
        a.attnum                                        as attnum,
        format_type(a.atttypid, a.atttypmod)            as type,
        exists (
            select from pg_catalog.pg_attribute o
            where o.attrelid = c.oid
                and not o.attisdropped
                and o.attname::text ~ '(^|_)(city|zip|postcode|postal|street|country|address)'
        )                                               as is_address,
        greatest(c.reltuples, 0)::float8                as rows
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attnum > 0
        and not a.attisdropped
        and c.relkind = 'r'
        and not c.relispartition
        and a.attname::text ~ '(^|_)(status|state)$'
        and a.atttypid in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)
        and not exists (
            select from pg_catalog.pg_constraint k
            where k.conrelid = c.oid and k.contype in ('c', 'f', 'p') and a.attnum = any (k.conkey)
        )
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class StatusColumn:
    datname: str
    relid: int
    schemaname: str
    relname: str
    attname: str
    attnum: int
    type: str
    is_address: bool
    """Whether the table has other parts of an address, where a state is a region."""
    rows: float


status_columns = Collector(
    row=StatusColumn,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "attname"),
)
