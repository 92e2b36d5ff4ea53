"""pg_roles: what the role of pgvigil may do beyond reading."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane

WRITING = """
                    'pg_write_all_data',
                    'pg_execute_server_program',
                    'pg_write_server_files',
                    'pg_database_owner',
                    'pg_maintain',
                    'pg_checkpoint',
                    'pg_create_subscription'"""
# Since 16 a membership is taken away from each who granted it (10 is the first superuser).
HELD = """
            from pg_catalog.pg_auth_members m
            join pg_catalog.pg_roles p on p.oid = m.roleid
            where m.member = r.oid and exists (
                select from pg_catalog.pg_roles w
                where w.rolname in ({writing}
                    )
                    and pg_has_role(p.oid, w.oid, 'member')
            )
            order by p.rolname, m.grantor"""
QUERY = """
    select
        rolname::text                                                   as rolname,
        rolsuper                                                        as is_superuser,
        rolcreaterole                                                   as may_create_roles,
        rolcreatedb                                                     as may_create_databases,
        rolreplication                                                  as may_replicate,
        rolbypassrls                                                    as bypasses_row_security,
        array(
            select p.rolname::text
            from pg_catalog.pg_roles p
            where p.rolname in ({writing}
                )
                and pg_has_role(r.oid, p.oid, 'member')
            order by p.rolname
        )                                                               as writes_by,
        (
            select count(*) from pg_catalog.pg_database d where d.datdba = r.oid
        )::int4                                                         as owned_databases,
        array(
            select p.rolname::text {held}
        )                                                               as held,
        array(
            select case
                when current_setting('server_version_num')::int4 >= 160000 and m.grantor <> 10
                then pg_get_userbyid(m.grantor)::text else ''
            end {held}
        )                                                               as granted_by
    from pg_catalog.pg_roles r
    where rolname = session_user
"""
QUERY = QUERY.replace("{held}", HELD).replace("{writing}", WRITING)


@dataclass(frozen=True, slots=True)
class OwnRole:
    """The one role as which pgvigil logs in."""

    rolname: str
    is_superuser: bool
    may_create_roles: bool
    may_create_databases: bool
    may_replicate: bool
    bypasses_row_security: bool
    writes_by: list[str]
    """Predefined roles that it is a member of, and that change data or the server."""
    owned_databases: int
    held: Sequence[str] = ()
    """Roles that it was granted, by which it is a member of those; once for each who granted it."""
    granted_by: Sequence[str] = ()
    """Who did, in the same order; empty where REVOKE needs no name."""


own_role = Collector(
    row=OwnRole,
    lane=Lane.daily,
    sql={140000: QUERY},
    key=("rolname",),
)
