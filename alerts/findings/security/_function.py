"""Functions as people write them, and as a statement names them under any search_path."""

from alerts.cure import BREAKS, identifier
from collectors.definer_functions import DefinerFunction

KINDS = {"p": "PROCEDURE", "a": "AGGREGATE"}


def named(row: DefinerFunction) -> str:
    """Return its qualified name with its arguments, to be read."""
    return f"{identifier(row.schemaname, row.funcname)}({BREAKS.sub(' ', row.arguments)})"


def target(row: DefinerFunction) -> str:
    """Return `FUNCTION name(types)`, in which each name has its schema."""
    kind = KINDS.get(row.kind, "FUNCTION")
    return f"{kind} {identifier(row.schemaname, row.funcname)}({', '.join(row.types)})"
