"""pg_description: comments on relations that mute findings."""

from dataclasses import dataclass

from collectors import _sizes as sizes
from collectors._base import Collector, Lane, Scope

# A comment on a table also covers its partitions and indexes.
QUERY = """
    with recursive covered(relid, comment, depth) as (
        select objoid, description, 0
        from pg_catalog.pg_description
        where classoid = 'pg_catalog.pg_class'::regclass
            and objsubid = 0
            and description like '%pgvigil:ignore%'
        union all
        select inhrelid, comment, depth + 1
        from covered join pg_catalog.pg_inherits on inhparent = relid
    ),
    everything as (
        select * from covered
        union
        select indexrelid, comment, depth + 1
        from covered join pg_catalog.pg_index on indrelid = relid
    )
    select
        current_database()::text                            as datname,
        n.nspname::text                                     as schemaname,
        c.relname::text                                     as relname,
        {comments}                                          as comment
    from everything e
    join pg_catalog.pg_class c on c.oid = e.relid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    group by n.nspname, c.relname
""".replace(
    "{comments}",
    sizes.left("string_agg(e.comment, e'\\n' order by e.depth)", sizes.COMMENT_BYTES),
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A relation and all comments with `pgvigil:ignore` that cover it; its own comes first."""

    datname: str
    schemaname: str
    relname: str
    comment: str


comments = Collector(
    row=Comment,
    lane=Lane.slow,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "schemaname", "relname"),
)
