"""pg_index: indexes of partitioned tables that some partitions do not have."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# CREATE INDEX ON ONLY makes such an index; it becomes valid with the last partition's index that
# is attached to it. Expressions and predicates are not shown, as that would wait for DDL.
QUERY = """
    select
        current_database()::text                                    as datname,
        i.indexrelid                                                as indexrelid,
        p.oid                                                       as partition_relid,
        n.nspname::text                                             as schemaname,
        c.relname::text                                             as relname,
        x.relname::text                                             as indexrelname,
        am.amname::text                                             as amname,
        i.indisunique                                               as is_unique,
        case when
            i.indexprs is null and i.indpred is null
            and i.indnkeyatts = i.indnatts
            and 0 = all (i.indoption)
            and not exists (
                select from unnest(i.indclass) as used(opclass)
                join pg_catalog.pg_opclass o on o.oid = used.opclass
                where not o.opcdefault
            )
        then array(
            select a.attname::text
            from unnest(i.indkey) with ordinality as k(attnum, place)
            join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
            order by k.place
        ) end                                                       as plain_columns,
        pn.nspname::text                                            as partition_schemaname,
        p.relname::text                                             as partition_relname,
        p.relkind::text                                             as partition_relkind,
        greatest(p.reltuples, pg_stat_get_live_tuples(p.oid))::float8
                                                                    as partition_rows,
        (
            select min(ex.relname::text)
            from pg_catalog.pg_index e
            join pg_catalog.pg_class ex on ex.oid = e.indexrelid
            where e.indrelid = p.oid
                and not ex.relispartition
                and e.indisvalid
                and e.indisunique = i.indisunique
                and concat_ws('/', ex.relam, e.indnkeyatts, e.indkey, e.indclass, e.indcollation,
                    e.indoption, e.indexprs, e.indpred)
                    = concat_ws('/', x.relam, i.indnkeyatts, i.indkey, i.indclass, i.indcollation,
                    i.indoption, i.indexprs, i.indpred)
        )                                                           as existing_index
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid and x.relkind = 'I'
    join pg_catalog.pg_am am on am.oid = x.relam
    join pg_catalog.pg_class c on c.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_inherits h on h.inhparent = c.oid and not h.inhdetachpending
    join pg_catalog.pg_class p on p.oid = h.inhrelid and p.relkind in ('r', 'p')
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    where not i.indisvalid
        and {of_users}
        and not exists (
            select from pg_catalog.pg_inherits a
            join pg_catalog.pg_index pi on pi.indexrelid = a.inhrelid
            where a.inhparent = i.indexrelid and pi.indrelid = p.oid
        )
    limit 1000
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class IncompleteIndex:
    """An index of a partitioned table, and one partition without it."""

    datname: str
    indexrelid: int
    partition_relid: int
    schemaname: str
    relname: str
    indexrelname: str
    amname: str
    is_unique: bool
    plain_columns: list[str] | None
    """Its columns, if nothing else belongs to its definition."""
    partition_schemaname: str
    partition_relname: str
    partition_relkind: str
    partition_rows: float
    existing_index: str | None = None
    """An index of the partition that has this definition and is not attached."""


incomplete_indexes = Collector(
    row=IncompleteIndex,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "indexrelid", "partition_relid"),
)
