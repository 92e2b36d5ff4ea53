"""pg_constraint: constraints that were never checked for all rows, and those that check nothing."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

# Of a partitioned table the parent is told, whose VALIDATE covers its partitions.
COLUMNS = """
    select
        current_database()::text                                        as datname,
        f.oid                                                           as constraint_oid,
        n.nspname::text                                                 as schemaname,
        c.relname::text                                                 as relname,
        f.conname::text                                                 as conname,
        f.contype::text                                                 as contype,
        {enforced}                                                    as is_enforced,
        greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::float8   as rows
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class c on c.oid = f.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where not f.convalidated
        and f.conparentid = 0
        and f.coninhcount = 0
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class UnvalidatedConstraint:
    datname: str
    constraint_oid: int
    schemaname: str
    relname: str
    conname: str
    contype: str
    """f foreign key, c check, and since 18 n not null."""
    is_enforced: bool
    """Whether new rows are checked; False only with NOT ENFORCED, which 18 brought."""
    rows: float
    """Of the table, by an estimate."""


unvalidated_constraints = Collector(
    row=UnvalidatedConstraint,
    lane=Lane.daily,
    sql={
        140000: COLUMNS.replace("{enforced}", "true"),
        180000: COLUMNS.replace("{enforced}", "f.conenforced"),
    },
    scope=Scope.database,
    key=("datname", "constraint_oid"),
)
