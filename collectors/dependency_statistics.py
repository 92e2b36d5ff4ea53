"""pg_statistic_ext: extended statistics of kind dependencies, which every role may list."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

QUERY = """
    select
        current_database()::text                            as datname,
        x.oid                                               as stxoid,
        n.nspname::text                                     as schemaname,
        c.relname::text                                     as relname,
        x.stxname::text                                     as stxname
    from pg_catalog.pg_statistic_ext x
    join pg_catalog.pg_class c on c.oid = x.stxrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r'
        and 'f' = any (x.stxkind)
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class DependencyStatistics:
    datname: str
    stxoid: int
    schemaname: str
    relname: str
    stxname: str


dependency_statistics = Collector(
    row=DependencyStatistics,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "stxoid"),
)
