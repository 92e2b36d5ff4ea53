"""pg_namespace: schemas of temporary tables, and whether the session that made them is there."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# The number in the name is that of the session's slot. Since 16 functions know sessions by it; a
# slot that is in use by another database can't be that of these tables.
QUERY = """
    with temporary as materialized (
        select oid, nspname, substr(nspname, length('pg_temp_') + 1)::int4 as slot
        from pg_catalog.pg_namespace
        where nspname ~ '^pg_temp_[0-9]+$'
    ), here as materialized (
        select oid from pg_catalog.pg_database where datname = current_database()
    )
    select
        current_database()::text                                    as datname,
        t.nspname::text                                             as schemaname,
        count(*)::int8                                              as relations,
        min(c.relname) filter (where c.relkind = 'r')::text         as relname,
        (sum(c.relpages) * current_setting('block_size')::int8)::int8 as bytes,
        max(age(c.relfrozenxid)) filter (where c.relfrozenxid <> '0')::int8 as xid_age,
        {in_use}::bool                                              as in_use
    from temporary t
    join pg_catalog.pg_class c on c.relnamespace = t.oid
    group by t.nspname, t.slot
"""
IN_USE = """(
            t.slot in (select pg_stat_get_backend_idset())
            and pg_stat_get_backend_dbid(t.slot) = (select oid from here)
        )"""


@dataclass(frozen=True, slots=True)
class TempSchema:
    datname: str
    schemaname: str
    relations: int
    relname: str | None
    """The first of its tables."""
    bytes: int
    """At the last vacuum or analyze of each."""
    xid_age: int | None
    """Transactions since the oldest row that is not frozen; autovacuum can't freeze it."""
    in_use: bool | None
    """Whether a session may still use it; None before 16, where that is not told."""


temp_schemas = Collector(
    row=TempSchema,
    lane=Lane.daily,
    sql={
        140000: QUERY.format(in_use="null"),
        160000: QUERY.format(in_use=IN_USE),
    },
    scope=Scope.database,
    key=("datname", "schemaname"),
)
