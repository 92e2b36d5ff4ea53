"""pg_trigger: triggers that are switched off, those of foreign keys included."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope
from collectors._user_objects import OF_USERS

QUERY = """
    select
        current_database()::text            as datname,
        c.oid                               as relid,
        n.nspname::text                     as schemaname,
        c.relname::text                     as relname,
        t.tgname::text                      as tgname,
        t.tgisinternal                      as is_of_a_constraint,
        f.conname::text                     as conname
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_constraint f on f.oid = t.tgconstraint
    where t.tgenabled = 'D'
        and t.tgparentid = 0
        and {of_users}
""".replace("{of_users}", OF_USERS)


@dataclass(frozen=True, slots=True)
class DisabledTrigger:
    datname: str
    relid: int
    schemaname: str
    relname: str
    tgname: str
    is_of_a_constraint: bool
    """Whether PostgreSQL made it to check a constraint, such as a foreign key."""
    conname: str | None
    """Of which constraint."""


disabled_triggers = Collector(
    row=DisabledTrigger,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "relid", "tgname"),
)
