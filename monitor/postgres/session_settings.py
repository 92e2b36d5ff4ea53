"""Settings of our sessions: what they say in the start-up packet, and what they set for themselves.

The start-up packet holds only a name: other settings there would also apply to code that runs at
login, and would be taken for the server's own in answers about it. All others are set once it is
certain that no pooler is in between, where they could end up with another client. One statement
sets them all: one each would be two thirds of what the server is asked.
"""

from collections.abc import Mapping
from contextlib import suppress

import asyncpg

NAME = "pgvigil"
START_UP = {"application_name": NAME}
BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY, NOT DEFERRABLE; SET LOCAL lock_timeout = 100"
)
"""Without the isolation level a standby refuses any query where `default_transaction_isolation` is
serializable; and any query at all looks names up, in catalogues that may be locked."""
OF_TRANSACTION = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
"""Nothing of it outlives the first transaction. The timeouts would count the time between two
messages of ours, and end the question of a daemon that is short of CPU."""
OF_TRANSACTION_SINCE_17 = {"transaction_timeout": "0"}
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
    case
        when pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem'))
            operator(pg_catalog.<) 4194304
        then pg_catalog.set_config('work_mem', '4MB', false)
    end
"""
"""Less than PostgreSQL's own default fills temporary files, which may be limited."""


def first_transaction(major: int) -> str:
    """Return what begins the transaction of the first question, on that major version."""
    settings = OF_TRANSACTION | (OF_TRANSACTION_SINCE_17 if major >= 17 else {})
    return f"{BEGIN}; SELECT {_calls(settings, is_local=True)}"


def setting_all(statement_timeout: float, version: int) -> str:
    """Return the expressions of a SELECT that set what is ours for the session.

    Functions alone, and qualified, as the search_path is not ours before.
    """
    settings = own_settings(statement_timeout, version)
    return f"{_calls(settings, is_local=False)}, {MEMORY}"


async def watch_the_client(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """End a query whose client is gone, where the platform can tell; no transaction may be open."""
    with suppress(asyncpg.InvalidParameterValueError):
        await connection.execute(NOT_EVERYWHERE)


def _calls(settings: Mapping[str, str], is_local: bool) -> str:
    last = str(is_local).lower()
    return ", ".join(
        f"pg_catalog.set_config('{name}', '{value}', {last})" for name, value in settings.items()
    )
