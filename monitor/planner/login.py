"""Guard of the login for plans: it must be able to read tables only."""

from monitor.postgres.session import Session

QUERY = """
    select
        r.rolsuper                                                          as is_superuser,
        r.rolcreaterole or r.rolcreatedb or r.rolreplication                as has_powers,
        array(
            select m.rolname::text from pg_catalog.pg_roles m
            where m.rolname in (
                'pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program',
                'pg_read_server_files', 'pg_write_server_files', 'pg_maintain'
            )
            and pg_has_role(r.oid, m.oid, 'member')
            order by m.rolname
        )                                                                   as member_of,
        (
            select c.oid::regclass::text from pg_catalog.pg_class c
            where c.relkind in ('r', 'p', 'v', 'm', 'f')
                and c.oid >= 16384
                and (
                    has_table_privilege(c.oid, 'delete, truncate')
                    or has_any_column_privilege(c.oid, 'insert, update')
                )
            limit 1
        )                                                                   as writes
    from pg_catalog.pg_roles r
    where r.rolname = current_user
"""
AGAIN = "make it by `pgvigil setup-sql --plans`"


async def refusal(session: Session, deadline: float) -> str | None:
    """Return why this login is not used for plans; None where it may be. Raises QueryFailure."""
    [found] = await session.fetch(QUERY, deadline)
    role = session.identity.role
    if found["is_superuser"]:
        return f"the login {role} is a superuser: {AGAIN}"
    if found["has_powers"]:
        return f"the login {role} may create roles or databases, or replicate: {AGAIN}"
    if found["member_of"]:
        return f"the login {role} is a member of {', '.join(found['member_of'])}: {AGAIN}"
    if found["writes"]:
        return f"the login {role} may write to {found['writes']}: {AGAIN}"
    return None
