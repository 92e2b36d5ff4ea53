"""Settings of our sessions: what they say in the start-up packet, and what they set for themselves.

The start-up packet holds only a name: other settings there would also apply to code that runs at
login, and would be taken for the server's own in answers about it. All others are set once it is
certain that no pooler is in between, where they could end up with another client.
"""

from contextlib import suppress

import asyncpg

NAME = "pgvigil"
START_UP = {"application_name": NAME}
FIRST_TRANSACTION = (
    "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY, NOT DEFERRABLE;"
    " SET LOCAL lock_timeout = 100; SET LOCAL statement_timeout = 0;"
    " SET LOCAL idle_in_transaction_session_timeout = 0"
)
"""Nothing of it outlives the transaction. Without the isolation level a standby refuses any query
where `default_transaction_isolation` is serializable. The timeouts would count the time between two
messages of ours, and end the question of a daemon that is short of CPU."""
SINCE_17 = "; SET LOCAL transaction_timeout = 0"
NOT_EVERYWHERE = "SET client_connection_check_interval = 2000"
"""Not every platform can watch whether the client is still there."""
OWN_SINCE_17 = {
    "transaction_timeout": "0",
    # Views of extensions are read too.
    "restrict_nonsystem_relation_kind": "",
}


def own_settings(statement_timeout: float, version: int) -> dict[str, str]:
    """Return what our sessions set for themselves, whatever is set for the server or the role."""
    settings = {
        "default_transaction_isolation": "read committed",
        "default_transaction_read_only": "on",
        "default_transaction_deferrable": "off",
        "statement_timeout": f"{statement_timeout * 1000:.0f}",
        "lock_timeout": "100",
        "idle_in_transaction_session_timeout": "10000",
        "idle_session_timeout": "300000",
        "tcp_keepalives_idle": "15",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "exit_on_error": "off",
        "transform_null_equals": "off",
        "array_nulls": "on",
        "join_collapse_limit": "8",
        "from_collapse_limit": "8",
        "quote_all_identifiers": "off",
        # Not named, pg_temp comes first: a login trigger may have made a pg_class of its own.
        "search_path": "pg_catalog, pg_temp",
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # How values and names are written.
        "datestyle": "ISO",
        "intervalstyle": "postgres",
        "timezone": "UTC",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "standard_conforming_strings": "on",
        "client_min_messages": "warning",
    }
    return settings | (OWN_SINCE_17 if version >= 170000 else {})


MEMORY = """
    select pg_catalog.set_config('work_mem', '4MB', false)
    where pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) < 4194304
"""
"""Less than PostgreSQL's own default fills temporary files, which may be limited."""


async def apply(
    connection: "asyncpg.Connection[asyncpg.Record]", statement_timeout: float, version: int
) -> None:
    """Set them on a connection to PostgreSQL itself; no transaction may be open."""
    wanted = own_settings(statement_timeout, version)
    await connection.execute("; ".join(f"SET {name} = {_quoted(wanted[name])}" for name in wanted))
    # By itself: it takes a snapshot, which a standby refuses before the isolation level is ours.
    await connection.execute(MEMORY)
    with suppress(asyncpg.InvalidParameterValueError):
        await connection.execute(NOT_EVERYWHERE)


def _quoted(value: str) -> str:
    """Quote a value, or each part of a list: quoted as a whole, it would be one name."""
    return ", ".join(f"'{part}'" for part in value.split(", "))
