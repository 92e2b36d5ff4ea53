"""pg_stats: keys of small integers that no sequence fills, with the largest value that is known."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._late_defaults import LATE_DEFAULTS
from collectors._user_objects import OF_USERS

# pg_stats shows the values of those columns alone that the role may read. Joined by name, as that
# view hides the oid. A column that refers to a key of the same type ends when that key does.
QUERY = """
    with late as materialized ({late}
    ), keys as (
        select distinct
            c.oid                                                       as relid,
            n.nspname,
            c.relname,
            a.attnum,
            a.attname,
            coalesce(nullif(ty.typbasetype, 0), a.atttypid)             as base_type,
            c.relkind = 'p'                                             as is_partitioned,
            c.reltuples,
            coalesce(
                has_column_privilege(c.oid, a.attnum, 'select') and not row_security_active(c.oid),
                false
            )                                                           as may_read
        from pg_catalog.pg_index i
        join pg_catalog.pg_class c on c.oid = i.indrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        join pg_catalog.pg_type ty on ty.oid = a.atttypid
        where i.indisunique
            and i.indisvalid
            and i.indnkeyatts = 1
            and i.indpred is null
            and c.relkind in ('r', 'p')
            and not c.relispartition
            and coalesce(nullif(ty.typbasetype, 0), a.atttypid)
                in ('int2'::regtype, 'int4'::regtype)
            and a.attidentity = ''
            and a.attgenerated = ''
            and not exists (
                select from pg_catalog.pg_depend d
                join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
                where d.refclassid = 'pg_catalog.pg_class'::regclass
                    and d.refobjid = c.oid
                    and d.refobjsubid = a.attnum
                    and d.classid = 'pg_catalog.pg_class'::regclass
            )
            and not exists (
                select from pg_catalog.pg_attrdef e
                join pg_catalog.pg_depend d
                    on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = e.oid
                join pg_catalog.pg_class s on s.oid = d.refobjid and s.relkind = 'S'
                where e.adrelid = c.oid
                    and e.adnum = a.attnum
                    and d.refclassid = 'pg_catalog.pg_class'::regclass
            )
            and not exists (select from late l where l.adrelid = c.oid and l.adnum = a.attnum)
            and not exists (
                select from pg_catalog.pg_constraint f
                join pg_catalog.pg_attribute r
                    on r.attrelid = f.confrelid and r.attnum = f.confkey[1]
                where f.conrelid = c.oid
                    and f.contype = 'f'
                    and f.conkey = array[a.attnum]
                    and r.atttypid = a.atttypid
            )
            and {of_users}
            and c.oid {asked}
    )
    select
        current_database()::text                                        as datname,
        k.relid                                                         as relid,
        k.attnum                                                        as attnum,
        k.nspname::text                                                 as schemaname,
        k.relname::text                                                 as relname,
        k.attname::text                                                 as attname,
        format_type(k.base_type, null)                                  as column_type,
        k.may_read                                                      as may_read,
        current_user::text                                              as role,
        nullif(k.reltuples, -1)::float8                                 as reltuples,
        pg_stat_get_tuples_inserted(k.relid)                            as inserted_rows,
        s.bounds[1]                                                     as smallest,
        s.bounds[cardinality(s.bounds) - 1]                             as next_to_largest,
        s.bounds[cardinality(s.bounds)]                                 as largest,
        cardinality(s.bounds)                                           as bounds,
        s.correlation::float8                                           as correlation,
        extract(epoch from greatest(
            pg_stat_get_last_analyze_time(k.relid), pg_stat_get_last_autoanalyze_time(k.relid)
        ))::float8                                                      as last_analyze
    from keys k
    left join lateral (
        select p.histogram_bounds::text::int8[] as bounds, p.correlation
        from pg_catalog.pg_stats p
        where k.may_read
            and p.schemaname = k.nspname
            and p.tablename = k.relname
            and p.attname = k.attname
            and p.inherited = k.is_partitioned
    ) s on true
""".replace("{of_users}", OF_USERS).replace("{late}", LATE_DEFAULTS)


@dataclass(frozen=True, slots=True)
class IntegerKey:
    """A smallint or integer column that is unique by itself, and filled by an application."""

    datname: str
    relid: int
    attnum: int
    schemaname: str
    relname: str
    attname: str
    column_type: str
    """The base type of a domain."""
    may_read: bool
    """Without SELECT on the column, nothing is known of its values."""
    role: str
    """The role that asks."""
    reltuples: float | None
    """Rows at the last vacuum or analyze; None before the first."""
    inserted_rows: int
    """Since the statistics were reset."""
    smallest: int | None
    """Of the histogram that ANALYZE made of a sample; None, as the next four, without one."""
    next_to_largest: int | None
    largest: int | None
    bounds: int | None
    """Number of values that divide the histogram."""
    correlation: float | None
    """From -1 to 1, where rows lie exactly in the order of the column."""
    last_analyze: float | None
    """Unix seconds; None if there was none since the statistics were reset."""


integer_keys = Collector(
    row=IntegerKey,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "attnum"),
    bulk=True,
)
