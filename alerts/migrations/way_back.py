"""Way back: what undoes a statement after it was committed."""

from alerts.migrations.statement import Action, Statement

CASCADED = "none: the columns that CASCADE removes are in backups only"
LOST = "none: what it removes is in backups only"
ACTIONS = {
    "AT_AddColumn": "DROP COLUMN {column} (what was written to it is lost)",
    "AT_DropColumn": LOST,
    "AT_SetNotNull": "ALTER COLUMN {column} DROP NOT NULL",
    "AT_DropNotNull": "ALTER COLUMN {column} SET NOT NULL, which reads the table",
    "AT_AddConstraint": "DROP CONSTRAINT",
    "AT_DropConstraint": "add the constraint again, NOT VALID, and VALIDATE it",
    "AT_AlterColumnType": "change the type again, which takes as long",
    "AT_ColumnDefault": "set the old default again",
    "AT_AttachPartition": "DETACH PARTITION CONCURRENTLY",
    "AT_DetachPartition": "ATTACH PARTITION",
}
NODES = {
    "IndexStmt": "DROP INDEX CONCURRENTLY",
    "CreateStmt": "DROP TABLE",
    "RenameStmt": "rename it back",
    "TruncateStmt": LOST,
    "UpdateStmt": "none: the old values are in backups only",
    "DeleteStmt": LOST,
    "CreateTrigStmt": "DROP TRIGGER",
    "ViewStmt": "create the old definition again",
}
DROPS = {
    "OBJECT_INDEX": "create the index again, CONCURRENTLY",
    "OBJECT_TABLE": LOST,
    "OBJECT_SCHEMA": LOST,
}


def way_back(statement: Statement) -> str | None:
    """Return how it is undone; None where there is nothing to say."""
    if statement.node == "DropStmt":
        cascades = statement.body.get("behavior") == "DROP_CASCADE"
        other = CASCADED if cascades else "create it again as it was"
        return DROPS.get(str(statement.body.get("removeType")), other)
    ways = [way for action in statement.actions if (way := _of(action))]
    if ways:
        word = "ATTRIBUTE" if statement.body.get("objtype") == "OBJECT_TYPE" else "COLUMN"
        return "; ".join(dict.fromkeys(ways)).replace("COLUMN", word)
    return NODES.get(statement.node)


def _of(action: Action) -> str | None:
    column = action.column or action.definition.get("colname") or ""
    way = ACTIONS.get(action.kind)
    return way.format(column=column) if way else None
