"""pg_attribute: columns that no other object names, and why a table may be used as a whole."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# What names a column depends on it: views, indexes, constraints, triggers, policies, generated
# columns, statistics objects, sequences, publications, functions in the form of the standard. A
# column's own default depends on it too, and names nothing. A row as a whole leaves no dependency
# on its columns, but can be seen in the stored tree of a view. Partitions and their parents are
# left out: statements name one or the other.
QUERY = """
    select
        current_database()::text                                    as datname,
        c.oid                                                       as relid,
        n.nspname::text                                             as schemaname,
        c.relname::text                                             as relname,
        columns.names                                               as columns,
        columns.fingerprint                                         as fingerprint,
        case
            when c.relhasrules then 'a rule rewrites its statements'
            when c.relhassubclass or exists (
                select from pg_catalog.pg_inherits i where i.inhrelid = c.oid
            ) then 'it inherits, or is inherited from'
            when exists (
                select from pg_catalog.pg_publication_rel p where p.prrelid = c.oid
            ) or exists (
                select from pg_catalog.pg_publication p where p.puballtables
            ) {or_published_with_schema} then 'a publication sends its rows'
            when exists (
                select from pg_catalog.pg_trigger t
                join pg_catalog.pg_proc f on f.oid = t.tgfoid
                join pg_catalog.pg_language l on l.oid = f.prolang
                where t.tgrelid = c.oid
                    and not t.tgisinternal
                    and (
                        l.lanname <> 'plpgsql'
                        or t.tgoldtable is not null
                        or t.tgnewtable is not null
                        -- OLD or NEW as a row, but for what is returned.
                        or regexp_replace(f.prosrc, '\\mreturn\\s+(new|old)\\M', '', 'gi')
                            ~* '\\m(new|old)\\M(?!\\s*\\.\\s*[[:alpha:]_"])'
                    )
            ) then 'a function of a trigger may read its rows as a whole'
            when exists (
                select from pg_catalog.pg_depend d
                where d.refclassid = 'pg_catalog.pg_type'::regclass
                    and d.refobjid = c.reltype
                    and d.classid in (
                        'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass
                    )
            ) then 'its rows are a type that is used elsewhere'
            when exists (
                select from pg_catalog.pg_depend d
                left join pg_catalog.pg_rewrite r
                    on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
                where d.refclassid = 'pg_catalog.pg_class'::regclass
                    and d.refobjid = c.oid
                    and (
                        d.classid = 'pg_catalog.pg_proc'::regclass
                        or r.ev_action::text ~ ':varattno 0 '
                    )
            ) then 'a view or a function may read its rows as a whole'
        end                                                         as doubt
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
        select
            array_agg(a.attname::text order by a.attnum) filter (
                where a.attacl is null
                    and a.attgenerated = ''
                    and a.attidentity = ''
                    -- A default that is computed keeps what nothing else can: when, and by whom.
                    and (v.oid is null or v.adbin::text ~ '^{CONST ')
                    and not exists (
                        select from pg_catalog.pg_depend d
                        where d.refclassid = 'pg_catalog.pg_class'::regclass
                            and d.refobjid = c.oid
                            and d.refobjsubid = a.attnum
                            and (d.classid, d.objid) is distinct from
                                ('pg_catalog.pg_attrdef'::regclass::oid, v.oid)
                            -- From version 18, NOT NULL is a constraint.
                            and not exists (
                                select from pg_catalog.pg_constraint k
                                where d.classid = 'pg_catalog.pg_constraint'::regclass
                                    and k.oid = d.objid
                                    and k.contype = 'n'
                            )
                    )
            )                                                       as names,
            hashtext(string_agg(a.attname::text, ',' order by a.attnum)) as fingerprint
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef v on v.adrelid = a.attrelid and v.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) columns
    where c.relkind = 'r'
        and not c.relispartition
        and columns.names is not null
        and {of_users}
        and c.oid {asked}
""".replace("{of_users}", OF_USERS)
WITH_SCHEMA = """or exists (
                select from pg_catalog.pg_publication_namespace p where p.pnnspid = n.oid
            )"""


@dataclass(frozen=True, slots=True)
class UnreferencedColumns:
    """The columns of one table that only statements can name."""

    datname: str
    relid: int
    schemaname: str
    relname: str
    columns: list[str]
    """Without those that are filled by a default that is computed."""
    fingerprint: int
    """Of the names of all its columns: another one where a column is new, or has a new name."""
    doubt: str | None
    """Why columns may be used that nothing names; None if that was not found."""


unreferenced_columns = Collector(
    row=UnreferencedColumns,
    lane=Lane.daily,
    sql={
        140000: QUERY.replace("{or_published_with_schema}", ""),
        150000: QUERY.replace("{or_published_with_schema}", WITH_SCHEMA),
    },
    scope=Scope.database,
    key=("datname", "relid"),
    bulk=True,
)
