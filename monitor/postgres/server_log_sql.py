"""psql script that makes the function by which the server reads its log for pgvigil."""

from collections.abc import Iterator

from alerts.cure import identifier
from monitor.postgres.role_sql import GUARD

SCHEMA = "pgvigil"
FUNCTION = "pgvigil.server_log_part"
LONGEST = 262144
"""Bytes of one answer."""
FOREWORD = (
    "-- The function by which pgvigil reads the server's log where its folder is not mounted. It",
    "-- returns parts of files in the folder of the log that end in .json or .csv, nothing else:",
    "-- EXECUTE on pg_read_binary_file would show the whole data directory. Run it as a superuser",
    "-- in the database that the address of the server names in pgvigil's settings.",
)
BODY = f"""CREATE FUNCTION {FUNCTION}(file text, start bigint, length bigint) RETURNS bytea
    LANGUAGE sql STABLE STRICT SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $$
        SELECT pg_read_binary_file(
            current_setting('log_directory') || '/' || file,
            greatest(start, 0),
            least(length, {LONGEST}),
            true
        )
        WHERE file ~ '^[^/.][^/]*[.](json|csv)$' AND length > 0
    $$;"""


def statements(role: str) -> Iterator[str]:
    """Yield the lines of the psql script; running it again makes the function anew."""
    name = identifier(role)
    yield "\\set ON_ERROR_STOP on"
    yield GUARD
    yield "SET client_min_messages = warning;"
    yield from FOREWORD
    yield "BEGIN;"
    yield f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};"
    yield "-- The owner of a schema of this name could change what is in it."
    yield f"ALTER SCHEMA {SCHEMA} OWNER TO CURRENT_USER;"
    yield f"REVOKE ALL ON SCHEMA {SCHEMA} FROM PUBLIC;"
    yield f"DROP FUNCTION IF EXISTS {FUNCTION}(text, bigint, bigint);"
    yield BODY
    yield f"REVOKE ALL ON FUNCTION {FUNCTION}(text, bigint, bigint) FROM PUBLIC;"
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name};"
    yield f"GRANT EXECUTE ON FUNCTION {FUNCTION}(text, bigint, bigint) TO {name};"
    yield "COMMIT;"
