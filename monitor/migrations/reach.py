"""Statements that are not run on the clone: they act beyond it, or would disturb the trace."""

from alerts.migrations.set_config import settings_by_query
from alerts.migrations.statement import Statement, parts
from monitor.migrations.extensions import HARMLESS

NODES = """
    CreatedbStmt DropdbStmt AlterDatabaseStmt AlterDatabaseSetStmt AlterDatabaseRefreshCollStmt
    CreateRoleStmt AlterRoleStmt AlterRoleSetStmt DropRoleStmt GrantRoleStmt ReassignOwnedStmt
    DropOwnedStmt CreateTableSpaceStmt DropTableSpaceStmt AlterTableSpaceOptionsStmt
    AlterSystemStmt CreateSubscriptionStmt CreateForeignServerStmt CreateFdwStmt LoadStmt
"""
BEYOND = frozenset(NODES.split())
BIG = ("REINDEX_OBJECT_DATABASE", "REINDEX_OBJECT_SYSTEM")
OBJECTS = ("OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE", "OBJECT_PARAMETER_ACL")
TIMEOUTS = """
    statement_timeout transaction_timeout idle_in_transaction_session_timeout
    idle_session_timeout client_encoding standard_conforming_strings
"""
OF_SESSION = frozenset(TIMEOUTS.split())
"""Settings that would end our own questions, or change their encoding."""
BEFORE_QUERIES = ("transaction_isolation", "transaction_deferrable")
"""Modes that a transaction takes before its first query, and ours come before the file's."""
STRINGS = "standard_conforming_strings"
OFF = ("off", "false", "no", "0")
HARMLESS_THERE = ("AlterDatabaseSetStmt", "CommentStmt", "GrantStmt", "SecLabelStmt")
"""Statements that take no lock on a table, whatever database they name."""
ABOUT_DATABASE = "it is about a database as a whole, which the clone can't show"
NOT_RUN = "it acts beyond its database, so it is not run on the server of --scratch"


def reaches_beyond(statement: Statement) -> str | None:
    """Return why the statement must not run there; None where it may."""
    body = statement.body
    if statement.node == "CreateExtensionStmt" and body.get("extname") not in HARMLESS:
        return f"the extension {body.get('extname')} is not made on the server of --scratch"
    objects = (body.get(key) for key in ("renameType", "objectType", "objtype"))
    if statement.node in BEYOND or any(kind in OBJECTS for kind in objects):
        return NOT_RUN
    is_two_phase = (statement.transaction or "").endswith("PREPARED")
    return NOT_RUN if is_two_phase or statement.transaction == "PREPARE" else None


def is_of_session(statement: Statement) -> bool:
    """Whether it only sets what the clone does not need to know."""
    if by_query := settings_by_query(statement):
        return all(one.name in OF_SESSION for one in by_query)
    if statement.node != "VariableSetStmt":
        return False
    if statement.body.get("name") == "TRANSACTION":
        modes = parts(statement.body.get("args"), "DefElem")
        return any(mode.get("defname") in BEFORE_QUERIES for mode in modes)
    return statement.body.get("name") in OF_SESSION


def cut_otherwise(statement: Statement) -> str | None:
    """Return why the rest of the file can't be cut into statements as psql does it then."""
    values = [part.get("sval") for part in parts(statement.body.get("args"), "sval")]
    is_off = statement.body.get("name") == STRINGS and any(value in OFF for value in values)
    return "psql reads strings with backslashes otherwise from here on" if is_off else None


def about_database(statement: Statement) -> str | None:
    """Return why a statement about a database is not known; empty if it does nothing to tables.

    None is a statement about something else. The clone has another name than the live database.
    """
    body, node = statement.body, statement.node
    is_database = "OBJECT_DATABASE" in (
        body.get(key) for key in ("renameType", "objectType", "objtype")
    )
    if node in HARMLESS_THERE and (is_database or node == "AlterDatabaseSetStmt"):
        return ""
    if is_database or node.startswith("AlterDatabase"):
        return ABOUT_DATABASE
    is_reindex = node == "ReindexStmt" and body.get("kind") in BIG
    return ABOUT_DATABASE if is_reindex else None
