"""Queries that only call set_config, and so do what SET and SET LOCAL do."""

from collections.abc import Iterator
from typing import NamedTuple

from alerts.migrations.statement import Statement, Tree, parts

TARGETS = "targetList"
ELSE = ("fromClause", "whereClause", "withClause", "intoClause", "sortClause", "limitCount")
"""Parts of a query that does more, or less."""
CALLED = ("set_config", "current_setting")
"""What such a query may call, so that it can be run again."""
ARGUMENTS = 3
TRUE = ("t", "true", "y", "yes", "on", "1")


class Setting(NamedTuple):
    """One setting that the query sets."""

    name: str
    is_local: bool
    """Whether it holds until the end of its transaction only."""


def settings_by_query(statement: Statement) -> tuple[Setting, ...]:
    """Return what a query sets that does nothing else; empty for all other statements."""
    body = statement.body
    if statement.node != "SelectStmt" or statement.follows or any(body.get(key) for key in ELSE):
        return ()
    if any(_name(call) not in CALLED for call in parts(statement.tree, "FuncCall")):
        return ()
    found = tuple(_settings(body))
    return found if len(found) == len(body.get(TARGETS, ())) else ()


def _settings(body: Tree) -> Iterator[Setting]:
    for target in body.get(TARGETS, ()):
        call = target.get("ResTarget", {}).get("val", {}).get("FuncCall", {})
        arguments = call.get("args", ())
        if _name(call) == "set_config" and len(arguments) == ARGUMENTS:
            name = _text(arguments[0])
            if name:
                yield Setting(name.lower(), _is_true(arguments[2]))


def _name(call: Tree) -> str | None:
    words = [one.get("String", {}).get("sval") for one in call.get("funcname", ())]
    return words[-1] if words else None


def _text(argument: Tree) -> str | None:
    found = _constant(argument).get("sval", {}).get("sval")
    return found if isinstance(found, str) else None


def _is_true(argument: Tree) -> bool:
    constant = _constant(argument)
    word = _text(argument)
    return bool(constant.get("boolval", {}).get("boolval")) or (word or "").lower() in TRUE


def _constant(argument: Tree) -> Tree:
    """Return the constant, also one with a cast."""
    cast = argument.get("TypeCast", {}).get("arg", argument)
    found: Tree = cast.get("A_Const", {})
    return found
