"""Extensions in the clone: created by the superuser, before anything of the file runs."""

import re

from alerts.cure import identifier

NAMES = """
    autoinc bloom btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance
    fuzzystrmatch hstore insert_username intagg intarray isn ltree moddatetime pg_trgm plpgsql
    refint seg tablefunc tcn tsm_system_rows tsm_system_time unaccent vector
"""
HARMLESS = frozenset(NAMES.split())
"""Those that reach neither files nor the network."""
STAND_INS = {
    "uuid-ossp": """
        CREATE FUNCTION {s}.uuid_generate_v1() RETURNS uuid LANGUAGE sql VOLATILE
            AS 'SELECT pg_catalog.gen_random_uuid()';
        CREATE FUNCTION {s}.uuid_generate_v1mc() RETURNS uuid LANGUAGE sql VOLATILE
            AS 'SELECT pg_catalog.gen_random_uuid()';
        CREATE FUNCTION {s}.uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE
            AS 'SELECT pg_catalog.gen_random_uuid()';
    """,
    "pgcrypto": """
        CREATE FUNCTION {s}.gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE
            AS 'SELECT pg_catalog.gen_random_uuid()';
        CREATE FUNCTION {s}.gen_random_bytes(integer) RETURNS bytea LANGUAGE sql VOLATILE
            AS 'SELECT pg_catalog.uuid_send(pg_catalog.gen_random_uuid())';
        CREATE FUNCTION {s}.digest(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE
            AS 'SELECT pg_catalog.sha256($1::bytea)';
        CREATE FUNCTION {s}.crypt(text, text) RETURNS text LANGUAGE sql IMMUTABLE
            AS 'SELECT $1';
        CREATE FUNCTION {s}.gen_salt(text) RETURNS text LANGUAGE sql VOLATILE
            AS 'SELECT $1';
    """,
    "pg_stat_statements": "",
    "amcheck": "",
    "pageinspect": "",
    "pg_buffercache": "",
    "pgstattuple": "",
    "pg_prewarm": "",
    "pg_visibility": "",
}
"""What stands in the clone for an extension that is not there, or that nothing depends on."""
NAME = r'"(?:[^"]|"")+"|[\w$-]+'
CREATES = re.compile(
    rf"CREATE EXTENSION (?:IF NOT EXISTS )?({NAME})(?: WITH SCHEMA ({NAME}))?\s*\Z", re.DOTALL
)


def created(statement: str) -> tuple[str, str | None] | None:
    """Return SQL for a superuser instead of CREATE EXTENSION and None, or why there is none."""
    found = CREATES.match(statement)
    if found is None:
        return None
    name, schema = (_unquoted(part) for part in found.groups())
    where = identifier(schema or "public")
    if name in HARMLESS:
        return f"CREATE EXTENSION IF NOT EXISTS {identifier(name)} WITH SCHEMA {where}", None
    if name in STAND_INS:
        return STAND_INS[name].format(s=where), None
    return "", f"the extension {name} is not in the clone"


def _unquoted(part: str | None) -> str:
    text = part or ""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
