"""pg_roles: connection limits of roles."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge

COLUMNS = """
    select
        rolname::text   as rolname,
        rolconnlimit    as connection_limit,
        rolcanlogin     as can_login,
        rolsuper        as is_superuser,
        {reserved}      as may_use_reserved
    from pg_catalog.pg_roles
"""


@dataclass(frozen=True, slots=True)
class Role:
    """One role. Limits do not apply to superusers."""

    rolname: str
    connection_limit: int
    """-1: no limit."""
    can_login: bool
    is_superuser: bool
    may_use_reserved: bool
    """Whether it may use the slots of `reserved_connections`, which exist since 16."""


roles = Collector(
    row=Role,
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
