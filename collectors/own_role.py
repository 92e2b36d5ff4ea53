"""pg_roles: what the role of pgvigil may do beyond reading."""

from dataclasses import dataclass

from collectors._base import Collector, Lane

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
            where p.rolname in (
                    'pg_write_all_data',
                    'pg_execute_server_program',
                    'pg_write_server_files',
                    'pg_database_owner',
                    'pg_maintain',
                    'pg_checkpoint',
                    'pg_create_subscription'
                )
                and pg_has_role(r.oid, p.oid, 'member')
            order by p.rolname
        )                                                               as writes_by,
        (
            select count(*) from pg_catalog.pg_database d where d.datdba = r.oid
        )::int4                                                         as owned_databases
    from pg_catalog.pg_roles r
    where rolname = session_user
"""


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


own_role = Collector(
    row=OwnRole,
    lane=Lane.daily,
    sql={140000: QUERY},
    key=("rolname",),
)
