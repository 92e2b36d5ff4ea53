"""pg_proc: words in the bodies of users' functions, and whether some can't be told from them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# Bodies themselves stay on the server, as they may contain anything. What counts is that a name
# occurs at all, so comments and strings are read like the rest.
QUERY = """
    with bodies as materialized (
        select p.proname, l.lanname, lower(p.prosrc) as body
        from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        join pg_catalog.pg_language l on l.oid = p.prolang
        where n.nspname not in ('pg_catalog', 'information_schema')
            and n.nspname !~ '^pg_'
            and p.prokind <> 'a'
            and not exists (
                select from pg_catalog.pg_depend d
                where d.classid = 'pg_catalog.pg_proc'::regclass
                    and d.objid = p.oid
                    and d.deptype = 'e'
            )
    )
    select
        current_database()::text                            as datname,
        case when size.bytes <= 2000000 then array(
            select distinct word
            from bodies
            cross join string_to_table(
                translate(
                    body, E'\\t\\n\\r\\f\\v ,.;:()[]{}<>=+-*/%^&|!?@#~`''"\\\\', rpad(' ', 50)
                ),
                ' '
            ) as word
            where lanname in ('sql', 'plpgsql') and word ~ '^[^0-9]'
        ) end                                               as words,
        (
            select min(proname)::text
            from bodies
            where lanname not in ('sql', 'plpgsql') or body ~ '\\mexecute\\M'
        )                                                   as opaque
    from (select coalesce(sum(octet_length(body)), 0) as bytes from bodies) size
"""


@dataclass(frozen=True, slots=True)
class FunctionNames:
    """Names in the functions of one database."""

    datname: str
    words: list[str] | None
    """In lower case, each once; None where the bodies are too large to be read."""
    opaque: str | None
    """A function that builds statements from texts, or is written in another language."""


function_names = Collector(
    row=FunctionNames,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname",),
)
