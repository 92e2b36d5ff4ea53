"""pg_index: what each index holds and in which order, what it is for, and what its table costs."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# All that a review of the indexes needs, in one slow query. Catalogues and counters only:
# pg_get_indexdef and pg_get_expr would wait behind DDL. So expressions are compared as they are
# stored, without the locations in the statement that made them; the longest by their hash.
QUERY = """
    with this_database as materialized (
        select
            current_setting('block_size')::int8                             as block_size,
            date_part('epoch', greatest(
                pg_catalog.pg_stat_get_db_stat_reset_time(oid),
                pg_catalog.pg_stat_get_bgwriter_stat_reset_time()
            ))                                                              as stats_reset
        from pg_catalog.pg_database where datname = current_database()
    )
    select
        current_database()::text                                            as datname,
        i.indexrelid                                                        as indexrelid,
        i.indrelid                                                          as relid,
        n.nspname::text                                                     as schemaname,
        t.relname::text                                                     as relname,
        x.relname::text                                                     as indexrelname,
        am.amname::text                                                     as amname,
        x.reloptions                                                        as reloptions,
        i.indkey::text                                                      as indkey,
        i.indnkeyatts                                                       as indnkeyatts,
        i.indclass::text                                                    as indclass,
        i.indcollation::text                                                as indcollation,
        i.indoption::text                                                   as indoption,
        {indexprs}                                                          as indexprs,
        {indpred}                                                           as indpred,
        case when am.amname <> 'btree' then (
            select string_agg(array_to_string(a.attoptions, ','), ';' order by a.attnum)
            from pg_catalog.pg_attribute a
            where a.attrelid = i.indexrelid and a.attoptions is not null
        ) end                                                               as opclass_options,
        (
            select json_agg(json_build_array(
                a.attname, coalesce(b.typname, y.typname), a.attnotnull, a.attcollation::int8,
                o.opcdefault
            ) order by k.position)::text
            from unnest(i.indkey::int2[]) with ordinality k (attnum, position)
            left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
            left join pg_catalog.pg_type y on y.oid = a.atttypid
            left join pg_catalog.pg_type b on b.oid = y.typbasetype
            left join pg_catalog.pg_opclass o
                on o.oid = (i.indclass::oid[])[k.position - 1]
        )                                                                   as columns,
        i.indisunique                                                       as is_unique,
        i.indisprimary                                                      as is_primary,
        i.indimmediate                                                      as is_immediate,
        {nulls_not_distinct}                                                as nulls_not_distinct,
        i.indisvalid and i.indisready and i.indislive                       as is_valid,
        i.indisclustered                                                    as is_clustered,
        i.indisreplident                                                    as is_replica_identity,
        i.indexrelid in (
            select conindid from pg_catalog.pg_constraint where contype in ('p', 'u', 'x')
        )                                                                   as backs_constraint,
        i.indexrelid in (
            select conindid from pg_catalog.pg_constraint where contype = 'f'
        )                                                                   as is_referenced,
        exists (
            select from pg_catalog.pg_constraint k
            where k.conrelid = i.indrelid and k.contype = 'f'
                and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        )                                                                   as supports_fk,
        i.indrelid in (
            select objid from pg_catalog.pg_depend
            where refclassid = 'pg_catalog.pg_extension'::regclass
                and classid = 'pg_catalog.pg_class'::regclass and deptype = 'e'
        )                                                                   as is_of_extension,
        x.relispartition                                                    as is_partition,
        x.relpages * this_database.block_size                               as size_bytes,
        t.relpages * this_database.block_size                               as table_bytes,
        t.relpages                                                          as table_pages,
        t.reltuples::float8                                                 as table_rows,
        pg_catalog.pg_stat_get_numscans(i.indexrelid)                       as idx_scan,
        pg_catalog.pg_stat_get_tuples_returned(i.indexrelid)                as idx_tup_read,
        pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid)                 as idx_tup_fetch,
        pg_catalog.pg_stat_get_blocks_fetched(i.indexrelid)                 as blocks_fetched,
        pg_catalog.pg_stat_get_numscans(i.indrelid)                         as seq_scan,
        pg_catalog.pg_stat_get_tuples_inserted(i.indrelid)                  as n_tup_ins,
        pg_catalog.pg_stat_get_tuples_updated(i.indrelid)                   as n_tup_upd,
        pg_catalog.pg_stat_get_tuples_deleted(i.indrelid)                   as n_tup_del,
        pg_catalog.pg_stat_get_tuples_hot_updated(i.indrelid)               as n_tup_hot_upd,
        {newpage}                                                           as n_tup_newpage_upd,
        this_database.stats_reset                                           as stats_reset
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_am am on am.oid = x.relam
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    cross join this_database
    where x.relkind = 'i'
        and t.relkind in ('r', 'm')
        and t.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast'
        and i.indrelid {asked}
        and t.oid {asked}
"""
STORED = """case
            when octet_length({0}::text) > 8000
                then md5(regexp_replace({0}::text, ':location -?\\d+', '', 'g'))
            else regexp_replace({0}::text, ':location -?\\d+', '', 'g')
        end"""


def query(**columns: str) -> str:
    text = QUERY
    for name in ("indexprs", "indpred"):
        columns[name] = STORED.replace("{0}", f"i.{name}")
    for name, expression in columns.items():
        text = text.replace("{" + name + "}", expression)
    return text


NULLS = "i.indnullsnotdistinct"
NEWPAGE = "pg_catalog.pg_stat_get_tuples_newpage_updated(i.indrelid)"


@dataclass(frozen=True, slots=True)
class IndexLayout:
    """An index of user_indexes. Lists of numbers are texts, as PostgreSQL prints them: `1 3`."""

    datname: str
    indexrelid: int
    relid: int
    schemaname: str
    relname: str
    indexrelname: str
    amname: str
    reloptions: list[str] | None
    """As `name=value`; None where none are set."""
    indkey: str
    """Numbers of its columns, included ones last; 0 is an expression."""
    indnkeyatts: int
    """How many of them are the key; the others are included."""
    indclass: str
    """Oids of the operator classes of the key, like the two below."""
    indcollation: str
    indoption: str
    """1 is descending, 2 nulls first, 3 both."""
    indexprs: str | None
    """The expressions as stored, without locations; a hash if they are very long."""
    indpred: str | None
    """The predicate, in the same form."""
    opclass_options: str | None
    columns: str
    """JSON: name, base type, NOT NULL, collation of each column, and whether the operator class is
    the default; each None of an expression, the last also of an included column."""
    is_unique: bool
    is_primary: bool
    is_immediate: bool
    """False for a deferrable constraint."""
    nulls_not_distinct: bool
    is_valid: bool
    is_clustered: bool
    is_replica_identity: bool
    backs_constraint: bool
    is_referenced: bool
    """Whether a foreign key refers to its columns by this index."""
    supports_fk: bool
    """Whether its first columns are those of a foreign key of the table, in any order."""
    is_of_extension: bool
    is_partition: bool
    """Whether it belongs to the index of a partitioned table."""
    size_bytes: int
    """At the last vacuum or analyze, like the next three."""
    table_bytes: int
    table_pages: int
    table_rows: float
    """-1 if unknown."""
    idx_scan: int
    idx_tup_read: int
    idx_tup_fetch: int
    blocks_fetched: int
    """By scans, writes and vacuum: each entry that was written took one at least."""
    seq_scan: int
    """Of its table, like the next five."""
    n_tup_ins: int
    n_tup_upd: int
    n_tup_del: int
    n_tup_hot_upd: int
    n_tup_newpage_upd: int | None
    """Updates that moved a row to another page; None before 16."""
    stats_reset: float | None
    """Unix seconds: the earliest start of the counters."""

    @property
    def entries_due(self) -> int:
        """Entries that an index of all rows got since the counters began; a HOT update makes none.

        Of an index that is younger, or of some of the rows, it is not known how many it got.
        """
        return self.n_tup_ins + self.n_tup_upd - self.n_tup_hot_upd

    @property
    def got_all_entries(self) -> bool:
        """Whether it can have got them: it is not sure of an index that is scanned a lot."""
        return self.blocks_fetched >= self.entries_due


index_layout = Collector(
    row=IndexLayout,
    lane=Lane.daily,
    sql={
        140000: query(nulls_not_distinct="false", newpage="null::int8"),
        150000: query(nulls_not_distinct=NULLS, newpage="null::int8"),
        160000: query(nulls_not_distinct=NULLS, newpage=NEWPAGE),
    },
    scope=Scope.database,
    key=("datname", "indexrelid"),
    bulk=True,
)
