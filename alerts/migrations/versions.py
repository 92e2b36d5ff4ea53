"""Syntax that is newer than the live server, though the clone understands it."""

from collections.abc import Iterator

from alerts.migrations.statement import Statement, parts

IN_CONSTRAINT = {
    "without_overlaps": (18, "WITHOUT OVERLAPS"),
    "fk_with_period": (18, "PERIOD in a foreign key"),
    "nulls_not_distinct": (15, "NULLS NOT DISTINCT"),
}

NEW_SETTINGS = {
    "recursive_worktable_factor": 15,
    "stats_fetch_consistency": 15,
    "createrole_self_grant": 16,
    "scram_iterations": 16,
    "vacuum_buffer_usage_limit": 16,
    "enable_group_by_reordering": 17,
    "event_triggers": 17,
    "io_combine_limit": 17,
    "transaction_timeout": 17,
    "file_copy_method": 18,
    "vacuum_truncate": 18,
}
"""What a session may set, by the version that has it first: a dump of 17 sets one of them."""


def too_new(statement: Statement, major: int) -> str | None:
    """Return why a server of that major version refuses the statement, if it does."""
    for needs, what in _features(statement):
        if major < needs:
            return f"{what} exists since PostgreSQL {needs}; the server is {major}"
    return None


def _features(statement: Statement) -> Iterator[tuple[int, str]]:
    for found in parts(statement.tree, "Constraint"):
        for key, feature in IN_CONSTRAINT.items():
            if found.get(key):
                yield feature
        if found.get("contype") == "CONSTR_GENERATED" and found.get("generated_kind") == "v":
            yield 18, "a VIRTUAL generated column"
        if found.get("contype") in ("CONSTR_CHECK", "CONSTR_FOREIGN") and not found.get(
            "is_enforced", False
        ):
            yield 18, "NOT ENFORCED"
    for action in statement.actions:
        is_constraint = action.kind == "AT_AddConstraint"
        if is_constraint and action.definition.get("contype") == "CONSTR_NOTNULL":
            yield 18, "a NOT NULL constraint with a name"
        if action.kind == "AT_SetExpression":
            yield 17, "ALTER COLUMN ... SET EXPRESSION"
        if action.kind == "AT_SetAccessMethod":
            yield 15, "SET ACCESS METHOD"
    if statement.node == "IndexStmt" and statement.body.get("nulls_not_distinct"):
        yield 15, "NULLS NOT DISTINCT"
    name = statement.body.get("name") if statement.node == "VariableSetStmt" else None
    if since := NEW_SETTINGS.get(str(name).lower()):
        yield since, f"the setting {name}"
    if statement.node == "MergeStmt":
        yield 15, "MERGE"
