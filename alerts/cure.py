"""Statements of cures: quoted, guarded, with lock timeouts, to be pasted into psql.

A superuser may paste them into databases of other users, where the search_path may lead to
malicious functions, operators, types and views. So everything is named with its schema.
"""

import re

# Keywords of PostgreSQL; a name that equals one of them must be quoted.
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
# Characters that are not seen, or that end a line, a comment or a message: a name that has them
# would be another one once it is copied.
INVISIBLE = re.compile(
    r"[\x01-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
BREAKS = re.compile(r"\s*[\n\r]\s*")
ACTIVITY = "pg_catalog.pg_stat_activity"
ENDED_WITHIN = 5000
"""Milliseconds that a statement waits for the end of a session that it terminates."""
PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def identifier(*names: str) -> str:
    """Quote an identifier: `public."Odd name"`."""
    return ".".join(_quoted(name) for name in names)


def literal(text: str) -> str:
    """Quote a string, safely for either value of standard_conforming_strings."""
    quoted = text.replace("'", "''")
    if "\\" in text or INVISIBLE.search(text):
        escaped = quoted.replace("\\", "\\\\")
        return "E'" + INVISIBLE.sub(lambda c: f"\\u{ord(c[0]):04x}", escaped) + "'"
    return f"'{quoted}'"


def remark(text: str) -> str:
    """Make a line of advice in a cure: a comment on one line.

    Spaces stay as they are, because they may stand in a name.
    """
    return "-- " + BREAKS.sub(" ", text.strip())


def equals(left: str, right: str | int) -> str:
    """Compare with the operator of pg_catalog."""
    return f"{left} OPERATOR(pg_catalog.=) {right}"


def since(moment: str) -> str:
    """Return an expression for the time since a column's value."""
    return f"pg_catalog.now() OPERATOR(pg_catalog.-) {moment}"


def session_guard(pid: int, backend_start: str, xact_start: str | None) -> str:
    """Return a condition that is true only for exactly this session and transaction."""
    conditions = [equals("pid", pid), equals("backend_start", literal(backend_start))]
    if xact_start:
        conditions.append(equals("xact_start", literal(xact_start)))
    return " AND ".join(conditions)


def cancel(pid: int, backend_start: str, xact_start: str | None) -> str:
    """Return a statement that cancels the session's query, if it is still the same session."""
    return _signal("pg_cancel_backend(pid)", pid, backend_start, xact_start)


def terminate(pid: int, backend_start: str, xact_start: str | None) -> str:
    """Return a statement that terminates the session, if it is still the same session.

    It waits for its end: a VACUUM that is pasted with it would still spare what the session needs.
    """
    call = f"pg_terminate_backend(pid, {ENDED_WITHIN})"
    return _signal(call, pid, backend_start, xact_start)


def _signal(call: str, pid: int, backend_start: str, xact_start: str | None) -> str:
    guard = session_guard(pid, backend_start, xact_start)
    return f"SELECT pg_catalog.{call} FROM {ACTIVITY} WHERE {guard};"


def regclass(*names: str) -> str:
    """Return a regclass expression for a relation; regclass does not read U& escapes."""
    return literal(".".join(_in_quotes(name) for name in names)) + "::pg_catalog.regclass"


def _quoted(name: str) -> str:
    quoted = _in_quotes(name)
    if INVISIBLE.search(quoted):
        escaped = quoted.replace("\\", "\\\\")
        return "U&" + INVISIBLE.sub(lambda c: f"\\{ord(c[0]):04X}", escaped)
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
    """Return a CONCURRENTLY statement without timeouts, because it waits for old transactions."""
    return (
        remark("It waits for every older transaction; check for those first:"),
        OLD_TRANSACTIONS,
        "SET lock_timeout = 0;",
        "SET statement_timeout = 0;",
        statement,
        remark(f"If it was interrupted: {clean_up}"),
    )


def plain_ddl(statement: str) -> tuple[str, ...]:
    """Return DDL with a lock timeout, so that it does not block other sessions for long."""
    return ("SET lock_timeout = '2s';", statement)


SETTING = re.compile(r"(SET|RESET) (?:SESSION )?([A-Za-z_]+)\b")
"""A statement that changes a setting of the user's session."""


def undone(cure: tuple[str, ...]) -> tuple[str, ...]:
    """Reset, after the last statement, what a cure sets: nothing of it stays in the session."""
    changed: dict[str, None] = {}
    for line in cure:
        if found := SETTING.match(line):
            word, name = found.groups()
            changed.pop(name, None)
            if word == "SET" and name != "LOCAL":
                changed[name] = None
    last = max((n for n, line in enumerate(cure, 1) if not line.startswith("--")), default=0)
    return (*cure[:last], *(f"RESET {name};" for name in changed), *cure[last:])
