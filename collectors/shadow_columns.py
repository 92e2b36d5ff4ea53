"""pg_attribute: pairs of columns such as id and id_new, of which one replaces the other."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

QUERY = """
    select
        current_database()::text                                    as datname,
        c.oid                                                       as relid,
        n.nspname::text                                             as schemaname,
        c.relname::text                                             as relname,
        b.attname::text                                             as attname,
        format_type(b.atttypid, b.atttypmod)                        as type,
        a.attname::text                                             as shadow,
        format_type(a.atttypid, a.atttypmod)                        as shadow_type,
        exists (
            select from pg_catalog.pg_trigger t
            where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 2 = 2 and t.tgtype & 1 = 1
        )                                                           as has_row_trigger,
        greatest(c.reltuples, 0)::float8                            as rows
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_attribute b
        on b.attrelid = a.attrelid
        and b.attname::text = substring(
            a.attname::text from '^(.+)_(?:new|old|bigint|int8|tmp|temp|bak|backup|v2|shadow)$'
        )
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attname::text ~ '_(new|old|bigint|int8|tmp|temp|bak|backup|v2|shadow)$'
        and a.attnum > 0
        and b.attnum > 0
        and not a.attisdropped
        and not b.attisdropped
        and c.relkind in ('r', 'p')
        and not c.relispartition
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class ShadowColumn:
    datname: str
    relid: int
    schemaname: str
    relname: str
    attname: str
    type: str
    shadow: str
    """The other column, whose name is the same and an ending such as _new."""
    shadow_type: str
    has_row_trigger: bool
    """Whether a trigger changes rows before they are written, as one that fills the copy does."""
    rows: float


shadow_columns = Collector(
    row=ShadowColumn,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "shadow"),
)
