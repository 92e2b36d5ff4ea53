"""psql script that creates the monitoring role with the least privileges collectors need."""

from collections.abc import Iterable, Iterator, Sequence

from alerts.cure import identifier, literal
from alerts.raw_text import encode, is_raw, shown
from collectors._base import Capability, Scope
from collectors._catalogue import all_collectors

SESSIONS = 12
"""Sessions that the role may have: a pgvigil has three, a second one while it is replaced, and
`check` and `doctor` three each while they run."""
LONGEST = 63
"""Bytes of a name in PostgreSQL; a longer name is truncated, and could match another role."""

LEFT_OUT = (
    "\n-- Left out: SELECT on tables and pg_read_all_data, as no data of yours is read; and SELECT",
    "-- on sequences, because each new one needs it again. Without it, how full a sequence is",
    "-- stays unknown; `pgvigil doctor` names those, and prints the grants. Keys of single tables",
    "-- are read only where `--keys-of` has granted them.",
)
# A superuser runs this in databases of other users, who may have created functions and operators
# with the same names and set the search_path. SQL_ASCII because in some encodings a backslash can
# be the second byte of a character; here names are plain bytes, as the server stores them.
GUARD = r"""\encoding SQL_ASCII \\
SET search_path = pg_catalog, pg_temp;"""
# psql would take a database name such as a=b for a connection string, so it gets a real one,
# quoted safely for either value of standard_conforming_strings.
PLACE = r"""format('dbname=''%s''', replace(replace(datname, E'\\', E'\\\\'), '''', E'\\'''))"""
ENTER = "\n".join(
    (
        f"SELECT {PLACE}",
        r"    AS place FROM pg_database WHERE @ \gset",
        r'\connect -reuse-previous=on :"place" \\',
        GUARD,
    )
)

KEYS = r"""SELECT 'there is no such table here' AS @name WHERE @given IS NULL;
SELECT format('GRANT SELECT (ctid, xmax, %s) ON %s TO %I',
    string_agg(quote_ident(a.attname), ', ' ORDER BY p.place), c.oid::regclass, @role)
    FROM pg_class c
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS p(attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.attnum
    WHERE c.relkind = 'r' AND p.place <= i.indnkeyatts
    AND (c.oid = @given OR c.oid IN (SELECT relid FROM pg_partition_tree(@given)))
    GROUP BY c.oid \gexec \\"""


def statements(
    role: str, databases: Iterable[str] = (), tables: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the lines of the psql script; running it twice is harmless.

    `tables` are those of which the keys may be read, in the databases that are named.
    """
    databases = list(databases)
    name = identifier(role)
    yield "\\set ON_ERROR_STOP on"
    yield GUARD
    yield "-- The role of pgvigil: it can log in and read statistics, and nothing else."
    yield "-- Three sessions each: the daemon, another that replaces it, `check`, and `doctor`."
    yield f"SELECT format('CREATE ROLE %I LOGIN CONNECTION LIMIT {SESSIONS}', {literal(role)})"
    yield f"WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal(role)}) \\gexec"
    yield f"SELECT format('ALTER ROLE %I CONNECTION LIMIT {SESSIONS}', rolname)"
    yield f"FROM pg_roles WHERE rolname = {literal(role)}"
    yield f"AND rolconnlimit BETWEEN 0 AND {SESSIONS - 1} \\gexec"
    for capability in needed(Scope.server):
        yield f"\n-- To see {capability.buys}."
        yield capability.grant.replace("{role}", name)
    yield "\n-- Since 16: it can connect even if all slots of ordinary roles are in use."
    yield f"SELECT format('GRANT pg_use_reserved_connections TO %I', {literal(role)})"
    yield "WHERE current_setting('server_version_num')::int >= 160000 \\gexec"
    yield from LEFT_OUT
    yield from in_each(role, databases)
    for database in databases if tables else ():
        yield f"\n-- Keys, to tell of rows that are locked in no order: in {_comment(database)}"
        yield ENTER.replace("@", _is_called(database))
        for table in tables:
            yield from key_grant(role, table)


def key_grant(role: str, table: str) -> Iterator[str]:
    """Yield statements that grant the primary key of a table, and of all its partitions."""
    given = f"to_regclass({_text(table)})"
    filled = KEYS.replace("@given", given).replace("@name", identifier(shown(table)))
    statements = filled.replace("@role", literal(role))
    if table.isascii() or is_raw(table):
        yield statements
    else:  # the server converts it to the encoding of the database
        yield from (r"\encoding UTF8 \\", statements, r"\encoding SQL_ASCII \\")


def _text(name: str) -> str:
    """Return an expression for a name, of which any bytes may be no UTF-8."""
    if is_raw(name):
        return f"convert_from(decode('{encode(name).hex()}', 'hex'), getdatabaseencoding())"
    return literal(name)


def _comment(name: str) -> str:
    """Return a name that can stand in a comment of one line."""
    return ascii(name)


def in_each(role: str, databases: list[str]) -> Iterator[str]:
    """Yield the grants inside each database; new databases inherit those of template1."""
    name = identifier(role)
    grants = [capability.grant.replace("{role}", name) for capability in needed(Scope.database)]
    grants += to_reach_extensions(role)
    purposes = "; ".join(capability.buys for capability in needed(Scope.database))
    yield f"\n-- In each database: to see {purposes};"
    yield f"-- and to reach these extensions, in whatever schema: {', '.join(extensions())}."
    yield from visiting(grants, role, databases)


def visiting(grants: list[str], role: str, databases: list[str]) -> Iterator[str]:
    """Yield lines that run these grants in each of the databases, or in all of the server."""
    if databases:
        for database in databases:
            yield ENTER.replace("@", _is_called(database))
            yield from grants
        return
    # psql can't reconnect from \gexec, but a variable can contain psql commands.
    mark = "@"
    while mark in f"{role}{grants}":
        mark += "@"
    script = "\n".join((ENTER.replace("@", f"oid = {mark}"), *grants, ""))
    yield f"SELECT string_agg(replace({literal(script)}, '{mark}', oid::text), '' ORDER BY datname)"
    yield "    AS grants FROM pg_database"
    yield "    WHERE datallowconn AND datname <> 'template0' AND datconnlimit <> -2 \\gset"
    yield ":grants"


def _is_called(database: str) -> str:
    """Return a condition; a name that is not UTF-8 is compared by its bytes, written in ASCII."""
    if is_raw(database):
        return f"namesend(datname) = decode('{encode(database).hex()}', 'hex')"
    return f"datname = {literal(database)}"


def needed(scope: Scope) -> list[Capability]:
    """Return the privileges that collectors need and PUBLIC lacks, each grant once.

    What is granted for the server is not granted again inside a database.
    """
    needs = [need for collector in all_collectors().values() for need in collector.needs]
    of_server = {need.grant for need in needs if need.scope is Scope.server}
    given = of_server if scope is Scope.database else set()
    wanted = (need for need in needs if need.scope is scope and need.grant not in given)
    return list({need.grant: need for need in wanted if not need.is_public}.values())


def to_reach_extensions(role: str) -> Iterator[str]:
    """Yield a statement that grants the schemas of extensions where the role has no access."""
    # In a variable a psql command ends at the next one, or at two backslashes.
    names = ", ".join(map(literal, extensions()))
    yield f"SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, {literal(role)})"
    yield "    FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace"
    yield f"    WHERE extname IN ({names})"
    yield f"    AND NOT has_schema_privilege({literal(role)}, n.oid, 'usage') \\gexec \\\\"


def extensions() -> list[str]:
    """Return the names of the extensions that collectors read, sorted."""
    return sorted({c.extension for c in all_collectors().values() if c.extension})
