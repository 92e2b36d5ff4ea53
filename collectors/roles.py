"""pg_roles: connection limits of roles, and until when their passwords are valid."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge

COLUMNS = """
    select
        rolname::text   as rolname,
        rolconnlimit    as connection_limit,
        rolcanlogin     as can_login,
        rolsuper        as is_superuser,
        {reserved}      as may_use_reserved,
        case
            when rolvaliduntil < 'infinity' then extract(epoch from rolvaliduntil)::float8
        end             as valid_until,
        rolreplication  as may_replicate
    from pg_catalog.pg_roles
"""


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """One role. Limits do not apply to superusers."""

    rolname: str
    connection_limit: int
    """-1: no limit."""
    can_login: bool
    is_superuser: bool
    may_use_reserved: bool
    """Whether it may use the slots of `reserved_connections`, which exist since 16."""
    valid_until: float | None = None
    """Unix seconds when its password expires; None: never; minus infinity: it never was valid."""
    may_replicate: bool = False


roles = Collector(
    row=DatabaseRole,
    lane=Lane.slow,
    sql={
        140000: COLUMNS.format(reserved="rolsuper"),
        160000: COLUMNS.format(reserved="pg_has_role(oid, 'pg_use_reserved_connections', 'usage')"),
    },
    key=("rolname",),
    metrics=(
        gauge(
            "pg_roles_connection_limit",
            "Connection limit of the role; -1: no limit.",
            lambda row: row.connection_limit,
            ("rolname",),
        ),
    ),
)
