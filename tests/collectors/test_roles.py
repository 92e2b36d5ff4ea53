"""Limits of roles, and who has reserved slots."""

from collectors.roles import DatabaseRole, roles
from tests.fixtures.one_look import look, watching
from tests.fixtures.postgres import Database

NAME = "o'd\"d role 🐘"


async def found(database: Database) -> dict[str, DatabaseRole]:
    async with watching(dsn=database.monitor_dsn) as session:
        return {row.rolname: row for row in (await look(session, roles)).rows(roles)}


async def test_limits_and_reserved_slots(database: Database, version: int) -> None:
    """Reserved slots exist from 16 on; a superuser always gets in."""
    quoted = '"' + NAME.replace('"', '""') + f'{version}"'
    await database.execute(f"CREATE ROLE {quoted} LOGIN CONNECTION LIMIT 5")
    try:
        name = f"{NAME}{version}"
        row = (await found(database))[name]
        assert (row.connection_limit, row.can_login, row.is_superuser) == (5, True, False)
        assert not row.may_use_reserved
        if version >= 16:
            await database.execute(f"GRANT pg_use_reserved_connections TO {quoted}")
            assert (await found(database))[name].may_use_reserved
    finally:
        await database.execute(f"DROP ROLE {quoted}")
    superuser = (await found(database))["postgres"]
    assert superuser.is_superuser
    assert superuser.may_use_reserved
    assert superuser.connection_limit == -1
