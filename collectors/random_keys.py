"""pg_attrdef: primary keys whose values are random UUIDs, and how much is inserted."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# The default is recognised as it is stored: pg_get_expr would wait for a lock on the table.
QUERY = """
    select
        current_database()::text                        as datname,
        c.oid                                           as relid,
        n.nspname::text                                 as schemaname,
        c.relname::text                                 as relname,
        a.attname::text                                 as attname,
        current_setting('server_version_num')::int4     as version,
        c.relpages * current_setting('block_size')::int8    as table_bytes,
        x.relpages * current_setting('block_size')::int8    as key_bytes,
        greatest(c.reltuples, 0)::float8                as rows,
        pg_stat_get_tuples_inserted(c.oid)              as inserted_rows
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
    join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where i.indisprimary
        and i.indnkeyatts = 1
        and c.relkind = 'r'
        and a.atttypid = 'pg_catalog.uuid'::regtype
        and substring(d.adbin::text from ':funcid (\\d+) ')::oid in (
            select p.oid from pg_catalog.pg_proc p
            where p.proname in ('gen_random_uuid', 'uuid_generate_v4', 'uuidv4')
                and p.pronargs = 0
        )
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class RandomKey:
    datname: str
    relid: int
    schemaname: str
    relname: str
    attname: str
    version: int
    """Of the server, such as 180001: from 18 on it can make ordered UUIDs itself."""
    table_bytes: int
    key_bytes: int
    """Of the index of the key."""
    rows: float
    inserted_rows: int
    """Since the statistics were reset."""


random_keys = Collector(
    row=RandomKey,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid"),
)
