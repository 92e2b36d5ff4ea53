"""pg_proc: functions that run with their owner's rights, or outside the sandbox of a language."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# Those of extensions are the extension's own affair, and come back with each update.
QUERY = """
    select
        current_database()::text                                        as datname,
        p.oid                                                           as funcid,
        n.nspname::text                                                 as schemaname,
        p.proname::text                                                 as funcname,
        pg_get_function_identity_arguments(p.oid)                       as arguments,
        array(
            select quote_ident(tn.nspname) || '.' || quote_ident(t.typname)
            from unnest(p.proargtypes) with ordinality as a(typid, place)
            join pg_catalog.pg_type t on t.oid = a.typid
            join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
            order by a.place
        )                                                               as types,
        p.prokind::text                                                 as kind,
        r.rolname::text                                                 as owner,
        r.rolsuper                                                      as is_owned_by_superuser,
        l.lanname::text                                                 as language,
        l.lanpltrusted or l.lanname in ('internal', 'c', 'sql')         as is_trusted,
        p.prosecdef                                                     as is_definer,
        exists (
            select from unnest(p.proconfig) as entry
            where starts_with(lower(entry), 'search_path=')
        )                                                               as has_search_path,
        has_function_privilege('public', p.oid, 'execute')              as is_public,
        p.prosqlbody is not null                                        as is_bound
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_roles r on r.oid = p.proowner
    join pg_catalog.pg_language l on l.oid = p.prolang
    where (p.prosecdef or not (l.lanpltrusted or l.lanname in ('internal', 'c', 'sql')))
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname !~ '^pg_'
        and not exists (
            select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_proc'::regclass
                and d.objid = p.oid
                and d.deptype = 'e'
        )
"""


@dataclass(frozen=True, slots=True)
class DefinerFunction:
    """A function or procedure of users."""

    datname: str
    funcid: int
    schemaname: str
    funcname: str
    arguments: str
    """Names and types, to be read."""
    types: list[str]
    """The same types with their schemas, for a statement."""
    kind: str
    """f function, p procedure, w window function, a aggregate."""
    owner: str
    is_owned_by_superuser: bool
    language: str
    is_trusted: bool
    """Whether its language keeps it inside the database."""
    is_definer: bool
    """SECURITY DEFINER."""
    has_search_path: bool
    """Whether it sets its own."""
    is_public: bool
    """Whether every role may execute it."""
    is_bound: bool = False
    """Whether the names in its body were looked up when it was created (BEGIN ATOMIC, RETURN)."""


definer_functions = Collector(
    row=DefinerFunction,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "funcid"),
)
