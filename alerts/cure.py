"""How cures are written: quoted, guarded, patient with others, and fit to be pasted into psql.

A superuser pastes them into databases of other people, where a search_path may lead to functions,
operators, types and views that wait for one. So everything is named with its schema.
"""

import re

# Words that PostgreSQL reserves in some position; a name like one of them must be quoted.
WORDS = """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit
    boolean both case cast char character check coalesce collate collation column concurrently
    constraint create cross current_catalog current_date current_role current_schema
    current_time current_timestamp current_user dec decimal default deferrable desc distinct do
    else end except exists extract false fetch float for foreign freeze from full grant greatest
    group grouping having ilike in initially inner inout int integer intersect interval into is
    isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query
    json_scalar json_serialize json_table json_value lateral leading least left like limit
    localtime localtimestamp merge_action national natural nchar none normalize not notnull null
    nullif numeric offset on only or order out outer overlaps overlay placing position precision
    primary real references returning right row select session_user setof similar smallint some
    substring symmetric system_user table tablesample then time timestamp to trailing treat trim
    true union unique user using values varchar variadic verbose when where window with
    xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
"""
RESERVED = frozenset(WORDS.split())
# No terminal shows these, and a copy of what it shows would be another name.
CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
ACTIVITY = "pg_catalog.pg_stat_activity"
PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def identifier(*names: str) -> str:
    """A name as SQL: `public."Odd name"`."""
    return ".".join(_quoted(name) for name in names)


def literal(text: str) -> str:
    """A string as SQL, whatever standard_conforming_strings says."""
    quoted = text.replace("'", "''")
    if "\\" in text or CONTROL.search(text):
        escaped = quoted.replace("\\", "\\\\")
        return "E'" + CONTROL.sub(lambda c: f"\\u{ord(c[0]):04x}", escaped) + "'"
    return f"'{quoted}'"


def remark(text: str) -> str:
    """Advice inside a cure: a comment, one line however the text was broken."""
    return "-- " + " ".join(text.split())


def equals(left: str, right: str | int) -> str:
    """A comparison that nobody else's operator can take part in."""
    return f"{left} OPERATOR(pg_catalog.=) {right}"


def since(moment: str) -> str:
    """The time that has gone by since a column's."""
    return f"pg_catalog.now() OPERATOR(pg_catalog.-) {moment}"


def session_guard(pid: int, backend_start: str, xact_start: str | None) -> str:
    """The condition that is true for that very session and transaction, and for no later one."""
    conditions = [equals("pid", pid), equals("backend_start", literal(backend_start))]
    if xact_start:
        conditions.append(equals("xact_start", literal(xact_start)))
    return " AND ".join(conditions)


def cancel(pid: int, backend_start: str, xact_start: str | None) -> str:
    """Stops the statement of a session, if it still is that one."""
    return _signal("pg_cancel_backend", pid, backend_start, xact_start)


def terminate(pid: int, backend_start: str, xact_start: str | None) -> str:
    """Ends a session, if it still is that one."""
    return _signal("pg_terminate_backend", pid, backend_start, xact_start)


def _signal(function: str, pid: int, backend_start: str, xact_start: str | None) -> str:
    guard = session_guard(pid, backend_start, xact_start)
    return f"SELECT pg_catalog.{function}(pid) FROM {ACTIVITY} WHERE {guard};"


def regclass(*names: str) -> str:
    """A relation by its name, as an expression: this type reads no U& escapes, a string has own."""
    return literal(".".join(_in_quotes(name) for name in names)) + "::pg_catalog.regclass"


def _quoted(name: str) -> str:
    quoted = _in_quotes(name)
    if CONTROL.search(quoted):
        escaped = quoted.replace("\\", "\\\\")
        return "U&" + CONTROL.sub(lambda c: f"\\{ord(c[0]):04X}", escaped)
    return quoted


def _in_quotes(name: str) -> str:
    if PLAIN.match(name) and name not in RESERVED:
        return name
    return '"{}"'.format(name.replace('"', '""'))


OLD_TRANSACTIONS = (
    f"SELECT pid, usename, application_name, state, {since('xact_start')} AS open"
    f" FROM {ACTIVITY} WHERE {since('xact_start')} OPERATOR(pg_catalog.>) interval '1 minute'"
    " ORDER BY xact_start LIMIT 10;"
)


def concurrently(statement: str, clean_up: str) -> tuple[str, ...]:
    """A CONCURRENTLY statement: it waits for old transactions, and must not be cut short."""
    return (
        remark("It waits for every older transaction; look for those first:"),
        OLD_TRANSACTIONS,
        "SET lock_timeout = 0;",
        "SET statement_timeout = 0;",
        statement,
        remark(f"If it was interrupted: {clean_up}"),
    )


def plain_ddl(statement: str) -> tuple[str, ...]:
    """DDL that takes a lock: it gives up soon rather than stop everybody behind it."""
    return ("SET lock_timeout = '2s';", statement)
