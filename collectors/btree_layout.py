"""pg_index and pg_attribute: size of each B-tree, and the layout of its entries."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# Catalogues only: pg_get_indexdef and pg_get_expr would wait behind DDL. So a condition such as
# `WHERE a IS NOT NULL` is found in the text of the stored tree: kind 1 of a null test, and only
# where nothing is combined with OR or NOT. Support function 4 of an operator class says that equal
# keys can share one entry.
QUERY = """
    select
        current_database()::text                                            as datname,
        i.indexrelid                                                        as indexrelid,
        i.indrelid                                                          as relid,
        current_setting('block_size')::int                                  as block_size,
        x.relfilenode                                                       as relfilenode,
        coalesce(
            (select option_value::int from pg_catalog.pg_options_to_table(x.reloptions)
             where option_name = 'fillfactor'),
            90
        )                                                                   as fillfactor,
        i.indpred is not null                                               as has_predicate,
        not i.indisunique
            and i.indnkeyatts = i.indnatts
            and coalesce(
                (select option_value::bool from pg_catalog.pg_options_to_table(x.reloptions)
                 where option_name = 'deduplicate_items'),
                true
            )
            and not exists (
                select from unnest(i.indclass::oid[]) class(oid)
                join pg_catalog.pg_opclass o on o.oid = class.oid
                where not exists (
                    select from pg_catalog.pg_amproc p
                    where p.amprocfamily = o.opcfamily
                        and p.amproclefttype = o.opcintype
                        and p.amprocrighttype = o.opcintype
                        and p.amprocnum = 4
                )
            )
            and not exists (
                select from pg_catalog.pg_collation c
                where c.oid = any (i.indcollation::oid[]) and not c.collisdeterministic
            )                                                               as deduplicates,
        i.indnkeyatts                                                       as indnkeyatts,
        i.indkey::int2[]                                                    as indkey,
        case when i.indpred is null or i.indpred ~ ':boolop (or|not)' then '{}'
        else array(
            select found[1]::int2
            from regexp_matches(
                i.indpred,
                '\\{NULLTEST :arg \\{VAR :varno 1 :varattno ([0-9]+) [^{}]*\\} :nulltesttype 1',
                'g'
            ) found
        ) end                                                               as notnull,
        a.attlen                                                            as attlen,
        a.attalign                                                          as attalign,
        a.attnotnull                                                        as attnotnull,
        a.typname                                                           as typname,
        a.atttypmod                                                         as atttypmod,
        coalesce(
            (select max(coalesce(nullif(attstattarget, -1), defaults.target))
             from pg_catalog.pg_attribute
             where attrelid = i.indrelid and attnum > 0 and not attisdropped),
            0
        )::int                                                              as statistics_target
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_am am on am.oid = x.relam
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    cross join (select current_setting('default_statistics_target')::int as target) defaults
    cross join lateral (
        select
            array_agg(att.attlen order by att.attnum)                       as attlen,
            string_agg(att.attalign::text, '' order by att.attnum)          as attalign,
            array_agg(coalesce(own.attnotnull, false) order by att.attnum)  as attnotnull,
            array_agg(coalesce(b3.typname, b2.typname, b.typname, ty.typname)::text
                order by att.attnum)                                        as typname,
            array_agg(greatest(att.atttypmod, ty.typtypmod, b.typtypmod, b2.typtypmod)
                order by att.attnum)                                        as atttypmod
        from pg_catalog.pg_attribute att
        join pg_catalog.pg_type ty on ty.oid = att.atttypid
        left join pg_catalog.pg_type b on b.oid = ty.typbasetype
        left join pg_catalog.pg_type b2 on b2.oid = b.typbasetype
        left join pg_catalog.pg_type b3 on b3.oid = b2.typbasetype
        left join pg_catalog.pg_attribute own
            on own.attrelid = i.indrelid and own.attnum = i.indkey[att.attnum - 1]
        where att.attrelid = i.indexrelid and att.attnum > 0
    ) a
    where x.relkind = 'i'
        and am.amname = 'btree'
        and x.relpages >= 128
        and t.relkind in ('r', 'm')
        and t.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast'
        and i.indrelid {asked}
        and t.oid {asked}
"""


@dataclass(frozen=True, slots=True)
class BTreeLayout:
    """A B-tree of at least 1 MB; lists run along its columns, included ones last."""

    datname: str
    indexrelid: int
    relid: int
    block_size: int
    relfilenode: int
    fillfactor: int
    has_predicate: bool
    deduplicates: bool
    """Whether a rebuild stores equal keys once, with a list of rows."""
    indnkeyatts: int
    indkey: list[int]
    """Numbers of the table's columns; 0 is an expression."""
    notnull: list[int]
    """Columns of the table that its condition says are not null."""
    attlen: list[int]
    attalign: str
    """One character for each column."""
    attnotnull: list[bool]
    """Of the table's columns; false of expressions."""
    typname: list[str]
    """The base type of a domain."""
    atttypmod: list[int]
    statistics_target: int = 100
    """The highest of the table's columns: as many rows as it says are read by ANALYZE."""


btree_layout = Collector(
    row=BTreeLayout,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "indexrelid"),
    bulk=True,
)
