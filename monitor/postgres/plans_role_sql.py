"""psql script that creates the login for plans: it may read tables, and can change nothing."""

from collections.abc import Iterable, Iterator

from alerts.cure import identifier, literal
from monitor.postgres.role_sql import GUARD, visiting

ROLE = "pgvigil_plans"
SESSIONS = 2
"""Sessions that the login may have: a pgvigil has one, and another one while it is replaced."""
GUARDS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "2s",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "idle_session_timeout": "1min",
}
"""Settings of the login, for whatever uses it; pgvigil sets stricter ones for itself."""
FOREWORD = (
    "-- The login with which pgvigil asks the planner: plain EXPLAIN of queries, never ANALYZE.",
    "-- EXPLAIN asks for SELECT on the tables of a query, so this login could read them. It is a",
    "-- login of its own, which is used for nothing else. Schemas with secrets: leave them out by",
    "-- naming the others (--schema); plans of queries on them stay unknown.",
)
# In a variable a psql command ends at the next one, or at two backslashes.
RUN = "\\gexec \\\\"


def statements(
    role: str, databases: Iterable[str] = (), schemas: Iterable[str] = ()
) -> Iterator[str]:
    """Yield the lines of the psql script; running it again adds what is new."""
    name, wanted = identifier(role), list(schemas)
    yield "\\set ON_ERROR_STOP on"
    yield GUARD
    yield from FOREWORD
    yield f"SELECT format('CREATE ROLE %I LOGIN CONNECTION LIMIT {SESSIONS}', {literal(role)})"
    yield f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)}) \\gexec"
    for setting, value in GUARDS.items():
        yield f"ALTER ROLE {name} SET {setting} = '{value}';"
    yield "\n-- In each database: SELECT on tables that exist, and on those that their owners"
    yield "-- create later. What other roles create needs this script again."
    yield from visiting(list(_grants(role, wanted)), role, list(databases))


def _grants(role: str, schemas: list[str]) -> Iterator[str]:
    """Yield the statements that are run inside a database."""
    to = literal(role)
    yield f"SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {to})"
    yield f"    WHERE NOT has_database_privilege({to}, current_database(), 'connect') {RUN}"
    which = _which(schemas)
    yield f"SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, {to})"
    yield f"    FROM pg_namespace n WHERE {which} {RUN}"
    yield f"SELECT format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', nspname, {to})"
    yield f"    FROM pg_namespace n WHERE {which} {RUN}"
    yield "SELECT DISTINCT format("
    yield "        'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I"
    yield "            GRANT SELECT ON TABLES TO %I',"
    yield f"        pg_get_userbyid(relowner), nspname, {to})"
    yield "    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
    yield f"    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND {which} {RUN}"


def _which(schemas: list[str]) -> str:
    """Return a condition: those that are named, else all that are neither ours nor the server's."""
    if schemas:
        return f"nspname IN ({', '.join(map(literal, schemas))})"
    return (
        "nspname !~ '^pg_' AND nspname <> 'information_schema'"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_namespace'::regclass"
        " AND objid = n.oid AND deptype = 'e')"
    )
