"""pg_db_role_setting: which settings roles and databases have of their own."""

from dataclasses import dataclass

from collectors._base import Collector, Lane
from collectors._planner_settings import PLANNER

# A value may be a secret of an application, so only those of the planner's settings are read.
NAMES = ", ".join(f"'{name}'" for name in PLANNER)
QUERY = f"""
    select
        coalesce(r.rolname::text, '')                   as rolname,
        coalesce(d.datname::text, '')                   as datname,
        lower(split_part(entry, '=', 1))                as name,
        split_part(entry, '=', 2) ~* '^(-1|off|0+ *[a-z]*)$' as is_off,
        case
            when lower(split_part(entry, '=', 1)) ~ '^enable_[a-z_]+$'
                or lower(split_part(entry, '=', 1)) in ({NAMES})
            then substr(entry, strpos(entry, '=') + 1)
        end                                             as value
    from pg_catalog.pg_db_role_setting s
    cross join unnest(s.setconfig) as entry
    left join pg_catalog.pg_roles r on r.oid = s.setrole
    left join pg_catalog.pg_database d on d.oid = s.setdatabase
    where s.setrole = 0 or r.oid is not null
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class RoleSetting:
    """A default that sessions of a role, in a database, begin with."""

    rolname: str
    """Empty: of every role."""
    datname: str
    """Empty: in every database."""
    name: str
    is_off: bool
    """Whether its value switches it off: off, -1, or 0 of any unit."""
    value: str | None = None
    """As it is written, of a setting of the planner; None of others."""


role_settings = Collector(
    row=RoleSetting,
    lane=Lane.slow,
    sql={140000: QUERY},
    key=("rolname", "datname", "name"),
)
