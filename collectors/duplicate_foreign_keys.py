"""pg_constraint: foreign keys that check the same columns against the same columns twice."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# Columns that only later versions have are read from the row as JSON: which columns a delete clears
# (15), and whether it is enforced (18). One that is not checks nothing, so it is no twin.
QUERY = """
    select
        current_database()::text            as datname,
        f.conrelid                          as relid,
        n.nspname::text                     as schemaname,
        c.relname::text                     as relname,
        pn.nspname::text                    as parent_schemaname,
        p.relname::text                     as parent_relname,
        array_agg(f.conname::text order by f.convalidated desc, f.oid) as connames,
        count(distinct (f.confdeltype, f.confupdtype, f.confmatchtype, f.condeferrable,
            f.condeferred, later.of ->> 'conperiod',
            coalesce(later.of ->> 'confdelsetcols', columns.numbers))) = 1 as are_equal
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class c on c.oid = f.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = f.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    cross join lateral (
        select
            array_agg((k.attnum, k.parent_attnum)::text order by k.attnum, k.parent_attnum)
                as pairs,
            array_to_json(f.conkey)::text as numbers
        from unnest(f.conkey, f.confkey) as k(attnum, parent_attnum)
    ) as columns
    cross join lateral (select to_json(f) as of) as later
    where f.contype = 'f'
        and f.conparentid = 0
        and (later.of ->> 'conenforced') is distinct from 'false'
        and {of_users}
    group by f.conrelid, f.confrelid, columns.pairs, n.nspname, c.relname, pn.nspname, p.relname
    having count(*) > 1
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class DuplicateForeignKey:
    """Foreign keys of one table over the same pairs of columns."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    parent_schemaname: str
    parent_relname: str
    connames: list[str]
    """Validated ones first, then the oldest."""
    are_equal: bool
    """Whether they also do the same on a delete or an update of the parent."""


duplicate_foreign_keys = Collector(
    row=DuplicateForeignKey,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "connames"),
)
