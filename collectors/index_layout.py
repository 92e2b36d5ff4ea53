"""pg_index: which columns each index has, and how it orders them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# What rarely changes, apart from the counters of user_indexes. Catalogues only: pg_get_indexdef
# would wait behind DDL.
QUERY = """
    select
        current_database()::text                                            as datname,
        i.indexrelid                                                        as indexrelid,
        i.indrelid                                                          as relid,
        x.reloptions                                                        as reloptions,
        i.indkey::text                                                      as indkey,
        i.indnkeyatts                                                       as indnkeyatts,
        i.indclass::text                                                    as indclass,
        i.indcollation::text                                                as indcollation,
        i.indoption::text                                                   as indoption
    from pg_catalog.pg_index i
    join pg_catalog.pg_class x on x.oid = i.indexrelid
    join pg_catalog.pg_class t on t.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where x.relkind = 'i'
        and t.relkind in ('r', 'm')
        and t.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_toast'
        and i.indrelid {asked}
        and t.oid {asked}
"""


@dataclass(frozen=True, slots=True)
class IndexLayout:
    """An index of user_indexes. Lists of numbers are texts, as PostgreSQL prints them: `1 3`."""

    datname: str
    indexrelid: int
    relid: int
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


index_layout = Collector(
    row=IndexLayout,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "indexrelid"),
    bulk=True,
)
