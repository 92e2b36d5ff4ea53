"""Schema from the catalogue: for a role that may not lock the tables, as pg_dump has to.

Only what the file names, and what is bound to it: partners by foreign keys, partitions, views.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from alerts.cure import literal
from alerts.migrations.statement import Name
from monitor.postgres.session import Session

DEADLINE = 10.0
MOST = 2000
"""Relations of one clone."""
USERS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
OF_EXTENSION = """exists (
        select from pg_catalog.pg_depend e
        where e.objid = {oid} and e.classid = '{catalogue}'::regclass and e.deptype = 'e'
    )"""
NAMED = """
    select coalesce(i.indrelid, c.oid)::bigint as oid
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_index i on i.indexrelid = c.oid
    where {users} and ({named})
"""
PARTNERS = """
    select confrelid::bigint as oid from pg_catalog.pg_constraint
    where contype = 'f' and conrelid in ({oids})
    union select conrelid::bigint from pg_catalog.pg_constraint
    where contype = 'f' and confrelid in ({oids})
"""
FAMILY = """
    select inhparent::bigint as oid from pg_catalog.pg_inherits where inhrelid in ({oids})
    union select inhrelid::bigint from pg_catalog.pg_inherits where inhparent in ({oids})
    union select r.ev_class::bigint from pg_catalog.pg_depend d
    join pg_catalog.pg_rewrite r on r.oid = d.objid
    where d.classid = 'pg_catalog.pg_rewrite'::regclass
        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid in ({oids})
"""
UNDER_VIEWS = """
    select d.refobjid::bigint as oid
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d on d.objid = r.oid
        and d.classid = 'pg_catalog.pg_rewrite'::regclass
    where d.refclassid = 'pg_catalog.pg_class'::regclass and r.ev_class in ({oids})
        and d.refobjid >= 16384
"""
SCHEMAS = """
    select format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname) as sql
    from pg_catalog.pg_namespace n where {users} and n.nspname <> 'public'
"""
EXTENSIONS = """
    select format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', e.extname, n.nspname) as sql
    from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname <> 'plpgsql'
"""
COLLATIONS = """
    select format('CREATE COLLATION IF NOT EXISTS %I.%I (provider = %s, deterministic = %s, %s)',
        n.nspname, c.collname,
        case c.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
        c.collisdeterministic,
        case c.collprovider
            when 'c' then format('lc_collate = %L, lc_ctype = %L', c.collcollate, c.collctype)
            else format('locale = %L', coalesce(
                to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate))
            end) as sql
    from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace
    where {users}
"""
TYPES = """
    select case t.typtype
        when 'e' then format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname, (
            select string_agg(quote_literal(v.enumlabel), ', ' order by v.enumsortorder)
            from pg_catalog.pg_enum v where v.enumtypid = t.oid))
        when 'd' then format('CREATE DOMAIN %I.%I AS %s%s%s %s', n.nspname, t.typname,
            pg_catalog.format_type(t.typbasetype, t.typtypmod), ' DEFAULT ' || t.typdefault,
            case when t.typnotnull then ' NOT NULL' else '' end, (
            select string_agg(format('CONSTRAINT %I %s', k.conname,
                pg_catalog.pg_get_constraintdef(k.oid)), ' ' order by k.oid)
            from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
        when 'r' then format('CREATE TYPE %I.%I AS RANGE (SUBTYPE = %s)', n.nspname, t.typname, (
            select pg_catalog.format_type(r.rngsubtype, null)
            from pg_catalog.pg_range r where r.rngtypid = t.oid))
        else format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname, (
            select string_agg(format('%I %s', a.attname,
                pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
            from pg_catalog.pg_attribute a
            where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped))
        end as sql
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where {users} and not {extension}
        and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
    order by t.oid
"""
FUNCTIONS = """
    select pg_catalog.pg_get_functiondef(p.oid) as sql
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_language l on l.oid = p.prolang
    where {users} and p.prokind in ('f', 'p') and l.lanname in ('sql', 'plpgsql')
        and not {extension}
    order by p.oid limit 2000
"""
SEQUENCES = """
    select format('CREATE SEQUENCE IF NOT EXISTS %I.%I', n.nspname, c.relname) as sql
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where {users} and c.relkind = 'S' and not exists (
        select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'i')
    limit 5000
"""
TABLES = """
    select format('CREATE %sTABLE %I.%I (%s)%s',
        case when c.relpersistence = 'u' then 'UNLOGGED ' else '' end, n.nspname, c.relname, (
            select string_agg(format('%I %s%s%s%s', a.attname,
                pg_catalog.format_type(a.atttypid, a.atttypmod),
                case when a.attcollation <> t.typcollation and a.attcollation <> 0
                    then ' COLLATE ' || a.attcollation::regcollation::text else '' end,
                case
                    when a.attidentity = 'a' then ' GENERATED ALWAYS AS IDENTITY'
                    when a.attidentity = 'd' then ' GENERATED BY DEFAULT AS IDENTITY'
                    when a.attgenerated = 's' then format(' GENERATED ALWAYS AS (%s) STORED',
                        pg_catalog.pg_get_expr(d.adbin, d.adrelid))
                    when a.attgenerated = 'v' then format(' GENERATED ALWAYS AS (%s) VIRTUAL',
                        pg_catalog.pg_get_expr(d.adbin, d.adrelid))
                    when d.adbin is not null
                        then ' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                    else '' end,
                case when a.attnotnull and a.attidentity = '' then ' NOT NULL' else '' end
            ), ', ' order by a.attnum)
            from pg_catalog.pg_attribute a
            join pg_catalog.pg_type t on t.oid = a.atttypid
            left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
        case when c.relkind = 'p'
            then ' PARTITION BY ' || pg_catalog.pg_get_partkeydef(c.oid) else '' end) as sql
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid in ({oids}) and c.relkind in ('r', 'p')
    order by c.oid
"""
ATTACHED = """
    select format(
        case when c.relispartition then 'ALTER TABLE %s ATTACH PARTITION %s %s'
            else 'ALTER TABLE %2$s INHERIT %1$s' end,
        i.inhparent::regclass, i.inhrelid::regclass,
        pg_catalog.pg_get_expr(c.relpartbound, c.oid)) as sql
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhrelid in ({oids}) and i.inhparent in ({oids}) and c.relkind in ('r', 'p')
    order by i.inhparent, i.inhrelid
"""
CONSTRAINTS = """
    select format('ALTER TABLE %s%s ADD CONSTRAINT %I %s',
        case when k.connoinherit and k.contype = 'c' then 'ONLY ' else '' end,
        k.conrelid::regclass, k.conname, pg_catalog.pg_get_constraintdef(k.oid)) as sql
    from pg_catalog.pg_constraint k
    where k.conrelid in ({oids}) and k.conrelid <> 0  -- that is a domain's
        and k.contype in ({types}) and k.conparentid = 0
        and (k.contype <> 'c' or k.conislocal)
        and (k.contype <> 'f' or k.confrelid in ({oids}))
    order by k.oid
"""
INDEXES = """
    select pg_catalog.pg_get_indexdef(i.indexrelid) as sql
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    where i.indrelid in ({oids}) and t.relkind in ({types}) and not c.relispartition
        and not exists (
        select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid
            and k.contype in ('p', 'u', 'x'))
    order by i.indexrelid
"""
VIEWS = """
    select format('CREATE %s %I.%I AS %s',
        case c.relkind when 'm' then 'MATERIALIZED VIEW' else 'VIEW' end, n.nspname, c.relname,
        rtrim(pg_catalog.pg_get_viewdef(c.oid), ';')) as sql
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid in ({oids}) and c.relkind in ('v', 'm')
    order by c.oid
"""
TRIGGERS = """
    select pg_catalog.pg_get_triggerdef(t.oid) as sql from pg_catalog.pg_trigger t
    where t.tgrelid in ({oids}) and not t.tgisinternal and t.tgparentid = 0 order by t.oid
"""


async def schema_of(session: Session, names: Iterable[Name]) -> str:
    """Return a script that makes what is named, and its partners. Raises QueryFailure."""
    oids = await _related(session, list(names))
    if not oids:
        oids = [0]
    written = ", ".join(map(str, oids))
    statements = ["SET check_function_bodies = off"]
    for query in (SCHEMAS, EXTENSIONS, COLLATIONS, TYPES, SEQUENCES, FUNCTIONS, TABLES, ATTACHED):
        statements += await _statements(session, query, written)
    statements += await _statements(session, CONSTRAINTS, written, "'p', 'u', 'x', 'c'")
    statements += await _statements(session, INDEXES, written, "'r', 'p'")
    statements += await _statements(session, CONSTRAINTS, written, "'f'")
    statements += await _statements(session, VIEWS, written)
    statements += await _statements(session, INDEXES, written, "'m'")
    statements += await _statements(session, TRIGGERS, written)
    return ";\n".join(statements) + ";\n"


async def _related(session: Session, names: Sequence[Name]) -> list[int]:
    """Return the oids of what is named, of its families, and of its partners."""
    if not names:
        return []
    conditions = " or ".join(_condition(name) for name in dict.fromkeys(names))
    found = await _oids(session, NAMED.format(users=USERS, named=conditions))
    for query in (FAMILY, FAMILY, PARTNERS, FAMILY, UNDER_VIEWS):
        if found and len(found) < MOST:
            written = ", ".join(map(str, found))
            more = await _oids(session, query.format(oids=written))
            found = list(dict.fromkeys((*found, *more)))
    return found[:MOST]


def _condition(name: Name) -> str:
    condition = f"c.relname = {literal(name.name)}"
    return f"({condition} and n.nspname = {literal(name.schema)})" if name.schema else condition


async def _oids(session: Session, query: str) -> list[int]:
    return [row["oid"] for row in await session.fetch(query, DEADLINE)]


async def _statements(session: Session, query: str, oids: str, types: str = "") -> list[str]:
    catalogue = "pg_catalog.pg_proc" if "pg_proc" in query else "pg_catalog.pg_type"
    oid = "p.oid" if "pg_proc" in query else "t.oid"
    extension = OF_EXTENSION.format(oid=oid, catalogue=catalogue)
    text = query.format(users=USERS, oids=oids, types=types, extension=extension)
    rows: list[Any] = await session.fetch(text, DEADLINE)
    return [row["sql"].rstrip().rstrip(";") for row in rows if row["sql"]]
