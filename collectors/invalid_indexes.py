"""pg_index: invalid indexes, and the session that builds or drops each of them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._capabilities import READ_ALL_STATS

# CREATE INDEX, REINDEX and DROP INDEX CONCURRENTLY keep this lock on the table until they end. Only
# one session can have it, so while VACUUM or ANALYZE has it, none of them is at work. Locations in
# the stored expressions depend on how the statement was written. The locks are only read where
# there is an invalid index.
QUERY = """
    with holders as materialized (
        select l.relation, min(l.pid) as pid
        from pg_catalog.pg_locks l
        join pg_catalog.pg_database d on d.oid = l.database and d.datname = current_database()
        where l.locktype = 'relation' and l.granted and l.mode = 'ShareUpdateExclusiveLock'
            and l.pid not in (select pid from pg_catalog.pg_stat_progress_vacuum)
            and l.pid not in (select pid from pg_catalog.pg_stat_progress_analyze)
        group by l.relation
    )
    select
        current_database()::text                                        as datname,
        i.indexrelid                                                    as indexrelid,
        i.indrelid                                                      as relid,
        n.nspname::text                                                 as schemaname,
        t.relname::text                                                 as relname,
        x.relname::text                                                 as indexrelname,
        i.indisunique                                                   as is_unique,
        i.indisready                                                    as is_ready,
        i.indislive                                                     as is_live,
        i.indpred is not null                                           as has_predicate,
        exists (
            select from pg_catalog.pg_constraint
            where conindid = i.indexrelid and contype in ('p', 'u', 'x')
        )                                                               as backs_constraint,
        (
            select array_agg(a.attname::text order by k.position)
            from unnest(i.indkey) with ordinality k (attnum, position)
            left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where k.position <= i.indnkeyatts
        )                                                               as attnames,
        (select pid from holders where relation = i.indrelid)           as worker_pid,
        (
            select min(y.relname::text)
            from pg_catalog.pg_index j
            join pg_catalog.pg_class y on y.oid = j.indexrelid
            where j.indrelid = i.indrelid and j.indisvalid
                and j.indisunique = i.indisunique
                and y.relam = x.relam
                and to_jsonb(j) ->> 'indnullsnotdistinct'
                    is not distinct from to_jsonb(i) ->> 'indnullsnotdistinct'
                and j.indnkeyatts = i.indnkeyatts
                and concat_ws('/', j.indkey, j.indclass, j.indcollation, j.indoption)
                    = concat_ws('/', i.indkey, i.indclass, i.indcollation, i.indoption)
                and regexp_replace(concat(j.indexprs, '/', j.indpred), {location}, '', 'g')
                    = regexp_replace(concat(i.indexprs, '/', i.indpred), {location}, '', 'g')
        )                                                               as twin
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = x.relnamespace
    where not i.indisvalid
        and x.relkind = 'i'
        and t.relpersistence <> 't'
""".replace("{location}", r"':location -?\d+'")


@dataclass(frozen=True, slots=True)
class InvalidIndex:
    """An index that no query uses, because its build or its removal did not end."""

    datname: str
    indexrelid: int
    relid: int
    schemaname: str
    relname: str
    indexrelname: str
    is_unique: bool
    is_ready: bool
    """Whether writes maintain it, and it refuses duplicates if it is unique."""
    is_live: bool
    """False while it is dropped concurrently."""
    has_predicate: bool
    backs_constraint: bool
    attnames: list[str | None]
    """Names of its key columns; None is an expression."""
    worker_pid: int | None
    """Session that works on indexes of its table now."""
    twin: str | None
    """A valid index with the same definition."""


invalid_indexes = Collector(
    row=InvalidIndex,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "indexrelid"),
    needs=(READ_ALL_STATS,),
)
