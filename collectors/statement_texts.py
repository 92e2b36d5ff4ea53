"""pg_stat_statements: the texts of some statements, each asked for once.

The server reads the whole file of texts for that, which can be gigabytes, so only the texts of
statements that are not known yet are asked for, in one query for many.
"""

from dataclasses import dataclass

from collectors import _sizes as sizes
from collectors._base import Collector, Lane
from collectors._capabilities import READ_ALL_STATS

QUERY = """
    select
        wanted.query_id                                     as query_id,
        known.query                                         as query,
        known.is_cut                                        as is_cut
    from pg_catalog.unnest({wanted}::int8[]) wanted (query_id)
    left join (
        select distinct on (s.queryid)
            s.queryid,
            {text}                                          as query,
            octet_length(s.query) > {bytes}                 as is_cut
        from {schema}.pg_stat_statements(true) s
        where s.queryid = any ({wanted}::int8[]) and s.query is not null
        order by s.queryid, s.userid, s.dbid
    ) known on known.queryid = wanted.query_id
"""


@dataclass(frozen=True, slots=True)
class StatementText:
    """The text of a statement, as PostgreSQL normalised it; it may contain literals."""

    query_id: int
    query: str | None
    """None if there is none any more."""
    is_cut: bool | None


statement_texts = Collector(
    row=StatementText,
    lane=Lane.slow,
    sql={
        140000: QUERY.replace("{text}", sizes.left("s.query", sizes.STATEMENT_BYTES)).replace(
            "{bytes}", str(sizes.STATEMENT_BYTES)
        )
    },
    extension_versions={140000: "1.9"},
    key=("query_id",),
    needs=(READ_ALL_STATS,),
    extension="pg_stat_statements",
)
