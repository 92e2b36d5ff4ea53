"""The psql script that creates the monitoring role, with the least rights that collectors need."""

from collections.abc import Iterable, Iterator

from alerts.cure import identifier, literal
from collectors._base import Capability, Scope
from collectors._catalogue import all_collectors

LONGEST = 63
"""Bytes of a name in PostgreSQL; a longer one would silently be another role."""

# A superuser runs this in databases of other people, who may have laid functions and operators in
# its way and set its search_path. Nor may they choose an encoding in which a backslash is half a
# character: names are bytes here, as the server keeps them.
GUARD = r"""\encoding SQL_ASCII \\
SET search_path = pg_catalog, pg_temp;"""
# To psql a name such as a=b would be no name but an address; so it is given one, well quoted
# whatever standard_conforming_strings is.
PLACE = r"""format('dbname=''%s''', replace(replace(datname, E'\\', E'\\\\'), '''', E'\\'''))"""
ENTER = "\n".join(
    (
        f"SELECT {PLACE}",
        r"    AS place FROM pg_database WHERE @ \gset",
        r'\connect -reuse-previous=on :"place" \\',
        GUARD,
    )
)


def statements(role: str, databases: Iterable[str] = ()) -> Iterator[str]:
    """A script for psql; running it twice does no harm."""
    name = identifier(role)
    yield "\\set ON_ERROR_STOP on"
    yield GUARD
    yield "-- The role of pgvigil. It may log in, look at statistics, and do nothing else."
    yield f"SELECT format('CREATE ROLE %I LOGIN CONNECTION LIMIT 5', {literal(role)})"
    yield f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)}) \\gexec"
    for capability in needed(Scope.server):
        yield f"\n-- To see {capability.buys}."
        yield capability.grant.replace("{role}", name)
    yield "\n-- Since 16: a session of ours also when the slots of ordinary roles are taken."
    yield f"SELECT format('GRANT pg_use_reserved_connections TO %I', {literal(role)})"
    yield "WHERE current_setting('server_version_num')::int >= 160000 \\gexec"
    yield from in_each(name, list(databases))


def in_each(name: str, databases: list[str]) -> Iterator[str]:
    """What must be granted database by database; new ones get it by template1."""
    grants = [capability.grant.replace("{role}", name) for capability in needed(Scope.database)]
    purposes = "; ".join(capability.buys for capability in needed(Scope.database))
    yield f"\n-- In each database: to see {purposes}."
    if databases:
        for database in databases:
            yield ENTER.replace("@", f"datname = {literal(database)}")
            yield from grants
        return
    # psql can't connect from \gexec, but a variable may hold commands of psql.
    script = "\n".join((ENTER.replace("@", "oid = @"), *grants, ""))
    yield f"SELECT string_agg(replace({literal(script)}, '@', oid::text), '' ORDER BY datname)"
    yield "    AS grants FROM pg_database"
    yield "    WHERE datallowconn AND datname <> 'template0' AND datconnlimit <> -2 \\gset"
    yield ":grants"


def needed(scope: Scope) -> list[Capability]:
    """The rights that collectors need, each grant once."""
    needs = (need for collector in all_collectors().values() for need in collector.needs)
    return list({need.grant: need for need in needs if need.scope is scope}.values())
