"""pg_attribute: columns of a table whose names differ in a number only: tag1, tag2, tag3."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

QUERY = """
    select
        current_database()::text                                    as datname,
        c.oid                                                       as relid,
        n.nspname::text                                             as schemaname,
        c.relname::text                                             as relname,
        s.stem                                                      as stem,
        array_agg(s.attname order by s.number)                      as attnames,
        min(format_type(s.atttypid, s.atttypmod))                   as type,
        bool_or(not s.attnotnull)                                   as is_nullable,
        greatest(min(c.reltuples), 0)::float8                       as rows
    from (
        select
            a.attrelid,
            a.attname::text as attname,
            a.atttypid,
            a.atttypmod,
            a.attnotnull,
            substring(a.attname::text from '^(.*[^0-9_])_?[0-9]{1,2}$') as stem,
            substring(a.attname::text from '[0-9]{1,2}$')::int4 as number
        from pg_catalog.pg_attribute a
        where a.attnum > 0
            and not a.attisdropped
            and a.attname::text ~ '[^0-9_]_?[0-9]{1,2}$'
    ) s
    join pg_catalog.pg_class c on c.oid = s.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')
        and not c.relispartition
        and {of_users}
    group by c.oid, n.nspname, c.relname, s.stem, s.atttypid
    having count(*) >= 3
        and min(s.number) <= 1
        and max(s.number) - min(s.number) = count(*) - 1
        and count(distinct s.number) = count(*)
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class RepeatedColumns:
    datname: str
    relid: int
    schemaname: str
    relname: str
    stem: str
    """What their names have in common."""
    attnames: list[str]
    type: str
    is_nullable: bool
    """Whether one of them may be empty."""
    rows: float


repeated_columns = Collector(
    row=RepeatedColumns,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "stem"),
)
