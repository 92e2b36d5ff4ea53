"""Statements that act beyond their database: never run on a server that others may use."""

from alerts.migrations.statement import Statement
from monitor.migrations.extensions import HARMLESS

NODES = """
    CreatedbStmt DropdbStmt AlterDatabaseStmt AlterDatabaseSetStmt AlterDatabaseRefreshCollStmt
    CreateRoleStmt AlterRoleStmt AlterRoleSetStmt DropRoleStmt GrantRoleStmt ReassignOwnedStmt
    DropOwnedStmt CreateTableSpaceStmt DropTableSpaceStmt AlterTableSpaceOptionsStmt
    AlterSystemStmt CreateSubscriptionStmt CreateForeignServerStmt CreateFdwStmt LoadStmt
"""
BEYOND = frozenset(NODES.split())
OBJECTS = ("OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE", "OBJECT_PARAMETER_ACL")
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
