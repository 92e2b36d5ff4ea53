"""pg_constraint: foreign keys whose columns have another type than what they refer to."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# A domain is what it is made of; a varchar is a text to every index and operator.
QUERY = """
    select
        current_database()::text                as datname,
        f.oid                                   as constraint_oid,
        n.nspname::text                         as schemaname,
        c.relname::text                         as relname,
        f.conname::text                         as conname,
        a.attname::text                         as attname,
        format_type(ta.base, a.atttypmod)       as type,
        pn.nspname::text                        as parent_schemaname,
        p.relname::text                         as parent_relname,
        b.attname::text                         as parent_attname,
        format_type(tb.base, b.atttypmod)       as parent_type
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class c on c.oid = f.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = f.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    cross join unnest(f.conkey, f.confkey) as k(attnum, parent_attnum)
    join pg_catalog.pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.attnum
    join pg_catalog.pg_attribute b on b.attrelid = f.confrelid and b.attnum = k.parent_attnum
    cross join lateral {base_of_a} as ta
    cross join lateral {base_of_b} as tb
    where f.contype = 'f'
        and f.conparentid = 0
        and a.atttypid <> b.atttypid
        and ta.base <> tb.base
        and not (
            ta.base in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)
            and tb.base in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)
        )
        and {of_users}
""".replace("{of_users}", OF_USERS)
BASE = """(
        with recursive made(oid, base) as (
            select t.oid, t.typbasetype from pg_catalog.pg_type t where t.oid = {of}.atttypid
            union all
            select t.oid, t.typbasetype
            from made join pg_catalog.pg_type t on t.oid = made.base
        )
        select made.oid as base from made where made.base = 0
    )"""
for column in ("a", "b"):
    QUERY = QUERY.replace(f"{{base_of_{column}}}", BASE.replace("{of}", column))


@dataclass(frozen=True, slots=True)
class ForeignKeyType:
    """One column of a foreign key."""

    datname: str
    constraint_oid: int
    schemaname: str
    relname: str
    conname: str
    attname: str
    type: str
    """Of a domain, the type that it is made of; the same of the other."""
    parent_schemaname: str
    parent_relname: str
    parent_attname: str
    parent_type: str


foreign_key_types = Collector(
    row=ForeignKeyType,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "constraint_oid", "attname"),
)
