"""pg_statistic_ext: by how far one column determines another, where such statistics exist."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._capabilities import EXTENDED_STATISTICS
from collectors._user_objects import OF_USERS

# Only degrees and numbers of columns are read; values are in other columns of that catalogue.
# Expressions have negative numbers, and pairs of several columns a comma: both join nothing.
QUERY = """
    select
        current_database()::text                            as datname,
        c.oid                                               as relid,
        n.nspname::text                                     as schemaname,
        c.relname::text                                     as relname,
        min(x.stxname::text)                                as stxname,
        a.attname::text                                     as determinant,
        a.attnum                                            as determinant_attnum,
        b.attname::text                                     as dependent,
        b.attnum                                            as dependent_attnum,
        format_type(b.atttypid, b.atttypmod)                as type,
        min(p.degree::float8)                               as degree,
        exists (
            select from pg_catalog.pg_index i
            where i.indrelid = c.oid
                and i.indisunique
                and i.indisvalid
                and i.indpred is null
                and a.attnum = any (i.indkey[0:i.indnkeyatts - 1])
        )                                                   as is_in_key,
        (
            select f.confrelid::regclass::text
            from pg_catalog.pg_constraint f
            where f.conrelid = c.oid and f.contype = 'f' and f.conkey = array[a.attnum]
            order by f.oid
            limit 1
        )                                                   as refers_to,
        left(pg_catalog.col_description(c.oid, b.attnum), 500) as comment,
        greatest(c.reltuples, 0)::float8                    as rows
    from pg_catalog.pg_statistic_ext x
    join pg_catalog.pg_class c on c.oid = x.stxrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_statistic_ext_data s on s.stxoid = x.oid
    cross join lateral jsonb_each_text(s.stxddependencies::text::jsonb) p (pair, degree)
    join pg_catalog.pg_attribute a
        on a.attrelid = c.oid and a.attnum::text = split_part(p.pair, ' => ', 1)
    join pg_catalog.pg_attribute b
        on b.attrelid = c.oid and b.attnum::text = split_part(p.pair, ' => ', 2)
    where c.relkind = 'r'
        and not a.attisdropped
        and not b.attisdropped
        and a.attgenerated = ''
        and b.attgenerated = ''
        -- A key determines everything, and what is part of one is no fact about another column.
        and not exists (
            select from pg_catalog.pg_index i
            where i.indrelid = c.oid
                and i.indisunique
                and (
                    b.attnum = any (i.indkey[0:i.indnkeyatts - 1])
                    or i.indnkeyatts = 1 and i.indkey[0] = a.attnum
                )
        )
        and {of_users}
    group by c.oid, n.nspname, c.relname, c.reltuples, a.attname, a.attnum, b.attname, b.attnum,
        b.atttypid, b.atttypmod
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class FunctionalDependency:
    """A column of a table, and another that its value determines in nearly all rows."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    stxname: str
    """The statistics that tell it."""
    determinant: str
    determinant_attnum: int
    dependent: str
    dependent_attnum: int
    type: str
    degree: float
    """Share of the rows of the sample for which it held, at the last ANALYZE."""
    is_in_key: bool
    """Whether the determinant is a part of a key of several columns."""
    refers_to: str | None
    """The table that the determinant is a foreign key of."""
    comment: str | None
    """On the dependent column."""
    rows: float


functional_dependencies = Collector(
    row=FunctionalDependency,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "determinant_attnum", "dependent_attnum"),
    needs=(EXTENDED_STATISTICS,),
)
