"""pg_constraint: columns that a valid CHECK keeps from being null, and that are not NOT NULL."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# The form in which PostgreSQL stores it is the same in all versions: CHECK ((x IS NOT NULL)).
QUERY = """
    select
        current_database()::text            as datname,
        f.oid                               as constraint_oid,
        n.nspname::text                     as schemaname,
        c.relname::text                     as relname,
        f.conname::text                     as conname,
        a.attname::text                     as attname
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class c on c.oid = f.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1]
    where f.contype = 'c'
        and f.convalidated
        and f.coninhcount = 0
        and cardinality(f.conkey) = 1
        and not a.attnotnull
        and f.conbin::text ~ '^{NULLTEST :arg {VAR [^{}]*} :nulltesttype 1 '
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class NullableColumn:
    datname: str
    constraint_oid: int
    schemaname: str
    relname: str
    conname: str
    attname: str


nullable_columns = Collector(
    row=NullableColumn,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "constraint_oid"),
)
