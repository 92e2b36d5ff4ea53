"""pg_sequences: used share of each sequence, by its own limit and those of the columns it feeds."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Bound, Collector, Lane, Scope, gauge
from collectors._late_defaults import LATE_DEFAULTS

# The last value is read from the sequence itself, so a sequence locked by DDL is skipped. Temporary
# sequences of other sessions can't be read, nor unlogged ones on a standby. Before 18 the function
# locks each sequence until the end of the statement. Locking thousands could fill the lock table,
# so their number is limited, and sequences with the smallest range come first.
#
# Catalogues with thousands of sequences may have no statistics, and a plan that reads all of
# pg_depend for each sequence would never end. So a class is compared as int8 where the planner
# could else take it for the better key of an index, and late defaults are grouped, not joined.
QUERY = """
    with locked as materialized (
        select relation from pg_catalog.pg_locks
        where locktype = 'relation'
            and database = (
                select oid from pg_catalog.pg_database where datname = current_database()
            )
            and mode in (
                'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
            )
    ), late as materialized ({late}
    ), asked as materialized (
        select
            u.sequence,
            array_agg(u.adrelid) filter (where u.adnum is not null)     as late_relids,
            array_agg(u.adnum) filter (where u.adnum is not null)       as late_attnums
        from (
            select seqrelid as sequence, null::oid as adrelid, null::int2 as adnum
            from pg_catalog.pg_sequence
            union all
            select sequence, adrelid, adnum from late
        ) u
        group by u.sequence
    ), known as (
        select
            c.oid                                                       as relid,
            n.nspname::text                                             as schemaname,
            c.relname::text                                             as sequencename,
            s.*,
            tn.nspname::text                                            as table_schemaname,
            fed.relname::text                                           as relname,
            fed.attname::text                                           as column_name,
            format_type(fed.base_type, null)                            as column_type,
            coalesce(fed.columns, 0)::int4                              as columns,
            has_sequence_privilege(c.oid, {rights})                     as may_read,
            not (c.relpersistence = 'u' and pg_is_in_recovery())
                and c.oid not in (select relation from locked)          as is_free,
            row_number() over (order by least(
                case s.seqtypid when 'int8'::regtype then 8 when 'int4'::regtype then 4 else 2 end,
                case when fed.attlen > 0 then fed.attlen else 8 end
            ), c.oid)                                                   as place
        from asked
        join pg_catalog.pg_sequence s on s.seqrelid = asked.sequence
        join pg_catalog.pg_class c on c.oid = s.seqrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        left join lateral (
            select
                fc.relnamespace, fc.relname, fa.attname, fa.attlen,
                coalesce(nullif(ft.typbasetype, 0), ft.oid) as base_type,
                count(*) over () as columns
            from (
                select d.refobjid as relid, d.refobjsubid as attnum
                from pg_catalog.pg_depend d
                where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid
                    and d.refclassid::int8 = 'pg_catalog.pg_class'::regclass::int8
                    and d.refobjsubid > 0 and d.deptype in ('a', 'i')
                union
                select e.adrelid, e.adnum
                from pg_catalog.pg_depend d
                join pg_catalog.pg_attrdef e on e.oid = d.objid
                where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid
                    and d.classid::int8 = 'pg_catalog.pg_attrdef'::regclass::int8
                union
                select l.adrelid, l.adnum
                from unnest(asked.late_relids, asked.late_attnums) as l (adrelid, adnum)
            ) f
            join pg_catalog.pg_attribute fa on fa.attrelid = f.relid and fa.attnum = f.attnum
            join pg_catalog.pg_type ft on ft.oid = fa.atttypid
            join pg_catalog.pg_class fc on fc.oid = f.relid
            order by
                case coalesce(nullif(ft.typbasetype, 0), ft.oid)
                    when 'int2'::regtype then 2 when 'int4'::regtype then 4 else 8
                end,
                fc.relispartition, f.relid, f.attnum
            limit 1
        ) fed on true
        left join pg_catalog.pg_namespace tn on tn.oid = fed.relnamespace
        where c.relpersistence <> 't' and c.oid {asked}
    )
    select
        current_database()::text                                        as datname,
        k.relid                                                         as relid,
        k.schemaname                                                    as schemaname,
        k.sequencename                                                  as sequencename,
        k.seqmin                                                        as min_value,
        k.seqmax                                                        as max_value,
        k.seqincrement                                                  as increment,
        k.seqcycle                                                      as cycles,
        k.table_schemaname                                              as table_schemaname,
        k.relname                                                       as relname,
        k.column_name                                                   as column_name,
        k.column_type                                                   as column_type,
        k.columns                                                       as columns,
        k.may_read                                                      as may_read,
        k.may_read and k.is_free and {within}                           as is_known,
        case when k.may_read and k.is_free and {within} then {last_value} end as last_value
    from known k
"""
A_FEW = """k.place <= greatest(100, (
            select setting::int4 from pg_catalog.pg_settings where name = 'max_connections'
        ) * (
            select setting::int4 from pg_catalog.pg_settings
            where name = 'max_locks_per_transaction'
        ) / 20)"""
"""A twentieth of the lock table."""
UNTIL_17 = {
    "rights": "'select, usage'",
    "within": A_FEW,
    "last_value": "pg_sequence_last_value(k.relid)",
}
FROM_18 = {
    "rights": "'select'",
    "within": "true",
    "last_value": """(
            select case when is_called then last_value end
            from pg_catalog.pg_get_sequence_data(k.relid)
        )""",
}
LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1}


def query(parts: dict[str, str]) -> str:
    return QUERY.replace("{asked}", "{{asked}}").format(late=LATE_DEFAULTS, **parts)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence, and the narrowest column that it feeds."""

    datname: str
    relid: int
    schemaname: str
    sequencename: str
    min_value: int
    max_value: int
    increment: int
    cycles: bool
    table_schemaname: str | None
    """None, as are the next three, if no column owns it or has it as its default."""
    relname: str | None
    column_name: str | None
    column_type: str | None
    """The base type of a domain."""
    columns: int
    """How many columns it feeds, by ownership or by their default; the narrowest is named."""
    may_read: bool
    """Without SELECT on it, its value is unknown."""
    is_known: bool
    """Whether the last value was read. It is not read without SELECT, while DDL locks it, or
    (before 18) after the first few hundred sequences."""
    last_value: int | None
    """None if unknown, or if no value was taken yet."""

    @property
    def last_possible(self) -> int:
        """The limit: its own, or that of its column's type."""
        if self.increment < 0:
            return max(self.min_value, -LARGEST.get(self.column_type or "", 2**63) - 1)
        return min(self.max_value, LARGEST.get(self.column_type or "", 2**63))

    @property
    def remaining(self) -> int | None:
        """Number of values left."""
        if not self.is_known:
            return None
        if self.last_value is None:
            return max(0, (self.last_possible - self._first) // self.increment + 1)
        return max(0, (self.last_possible - self.last_value) // self.increment)

    @property
    def used_ratio(self) -> float | None:
        """Used share; 1: no value is left."""
        if not self.is_known:
            return None
        if self.last_value is None:
            return 0.0
        if self._first == self.last_possible:
            return 1.0
        return min(1.0, (self.last_value - self._first) / (self.last_possible - self._first))

    @property
    def _first(self) -> int:
        return self.min_value if self.increment > 0 else self.max_value


LABELS = ("datname", "schemaname", "sequencename")

sequences = Collector(
    row=Sequence,
    lane=Lane.slow,
    sql={140000: query(UNTIL_17), 180000: query(FROM_18)},
    scope=Scope.database,
    key=("datname", "relid"),
    bulk=True,
    bound=Bound(rank="used_ratio", top=100),
    metrics=(
        gauge(
            "pg_sequence_last_value",
            "The last value taken; absent if none was, or if unknown.",
            "last_value",
            LABELS,
        ),
        gauge(
            "pg_sequence_used_ratio",
            "Used share of its values, also by the type of its column; absent if unknown.",
            attrgetter("used_ratio"),
            LABELS,
        ),
        gauge(
            "pg_sequence_remaining_values",
            "Number of values left; absent if unknown.",
            attrgetter("remaining"),
            LABELS,
        ),
        gauge(
            "pg_sequence_unreadable",
            "1 if pgvigil lacks SELECT on the sequence, so that its value is unknown.",
            lambda row: not row.may_read,
            LABELS,
            additive=True,
        ),
    ),
)
