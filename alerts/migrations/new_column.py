"""New column that must not be NULL, though nothing gives the rows that are there a value."""

from alerts.migrations.cast import type_of
from alerts.migrations.statement import Action, Tree, constraints

GIVEN = {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"}
"""What gives a new column a value in all rows that are there."""
SERIAL = ("smallserial", "serial", "bigserial", "serial2", "serial4", "serial8")
"""Types that do so too, by all their names."""


def has_no_value(action: Action) -> bool:
    """Whether only a default of its type could give it one."""
    if action.kind != "AT_AddColumn":
        return False
    kinds = dict(constraints(action.definition))
    is_serial = type_of(action.definition.get("typeName", {})) in SERIAL
    is_given = any(not _is_null(kinds[kind]) for kind in GIVEN & kinds.keys())
    return not (is_serial or is_given)


def _is_null(constraint: Tree) -> bool:
    """Whether it is DEFAULT NULL, which is as none."""
    given = constraint.get("raw_expr", {})
    while "TypeCast" in given:
        given = given["TypeCast"].get("arg", {})
    return bool(given.get("A_Const", {}).get("isnull"))


def lacks_value(action: Action) -> bool:
    """Whether it must not be NULL as well."""
    must_hold = {"NOT NULL", "PRIMARY KEY"} & dict(constraints(action.definition)).keys()
    return bool(must_hold) and has_no_value(action)
