"""pg_roles: who may hold how many connections."""

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
    """One role. Limits do not bind superusers."""

    rolname: str
    connection_limit: int
    """-1: none."""
    can_login: bool
    is_superuser: bool
    may_use_reserved: bool
    """Whether the slots of `reserved_connections` are open to it; they exist from 16 on."""


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
            "Sessions that the role may have; -1: as many as there are slots.",
            lambda row: row.connection_limit,
            ("rolname",),
        ),
    ),
)
