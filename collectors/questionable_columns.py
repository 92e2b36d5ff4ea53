"""pg_attribute: columns of types that sooner or later lose or confuse values."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

QUERY = """
    select
        current_database()::text                as datname,
        c.oid                                   as relid,
        n.nspname::text                         as schemaname,
        c.relname::text                         as relname,
        a.attname::text                         as attname,
        format_type(a.atttypid, a.atttypmod)    as type,
        greatest(c.reltuples, 0)::float8        as rows
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attnum > 0
        and not a.attisdropped
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and a.atttypid in (
            'pg_catalog.timestamp'::regtype,
            'pg_catalog.timetz'::regtype,
            'pg_catalog.money'::regtype,
            'pg_catalog.float4'::regtype,
            'pg_catalog.float8'::regtype,
            'pg_catalog.bpchar'::regtype
        )
        and {of_users}
    union all
    select
        current_database()::text,
        c.oid,
        n.nspname::text,
        c.relname::text,
        a.attname::text,
        'integer from a sequence',
        greatest(c.reltuples, 0)::float8
    from pg_catalog.pg_depend o
    join pg_catalog.pg_class s on s.oid = o.objid and s.relkind = 'S'
    join pg_catalog.pg_attribute a on a.attrelid = o.refobjid and a.attnum = o.refobjsubid
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where o.classid = 'pg_catalog.pg_class'::regclass
        and o.refclassid = 'pg_catalog.pg_class'::regclass
        and o.deptype in ('a', 'i')
        and a.atttypid in ('pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype)
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class QuestionableColumn:
    datname: str
    relid: int
    schemaname: str
    relname: str
    attname: str
    type: str
    """As PostgreSQL writes it: timestamp without time zone, money, character(2) …, or `integer from
    a sequence` of a column that a sequence fills."""
    rows: float


questionable_columns = Collector(
    row=QuestionableColumn,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "attname"),
)
