"""Change of a column's type: whether each value of the old type has one of the new type.

Types are written as the catalogue names them, with their modifiers: `varchar(45)`, `_int4`.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from alerts.migrations.statement import Action, Tree

WRITTEN = re.compile(r"(_?)([^()]+)(?:\(([-\d, ]+)\))?")
WIDER: Mapping[str, frozenset[str]] = {
    "int2": frozenset(("int4", "int8", "float4", "float8", "numeric")),
    "int4": frozenset(("int8", "float4", "float8", "numeric")),
    "int8": frozenset(("float4", "float8", "numeric")),
    "float4": frozenset(("float8", "numeric")),
    "float8": frozenset(("numeric",)),
    "numeric": frozenset(("numeric",)),
    "date": frozenset(("timestamp", "timestamptz")),
    "timestamp": frozenset(("date", "timestamptz")),
    "timestamptz": frozenset(("date", "timestamp")),
    "bool": frozenset(("int4",)),
    "jsonb": frozenset(("json",)),
    "cidr": frozenset(("inet",)),
}
"""Without a modifier of the new type; each type takes its own values, too."""
DIGITS = {"int2": 5, "int4": 10, "int8": 19}
LONGEST = {"bool": 5, "int2": 6, "int4": 11, "int8": 20, "uuid": 36, "date": 13}
"""Characters of a type's longest value, by name."""
STRINGS = frozenset(("text", "varchar", "bpchar"))
ROUNDED = frozenset(("date", "time", "timetz", "timestamp", "timestamptz", "interval"))
"""Their modifier is a precision to which values are rounded."""
TEXTS = ("text", "varchar")
ZONED = {"timestamp": "timestamptz", "timestamptz": "timestamp"}


def may_refuse(action: Action, source: str | None) -> bool:
    """Whether rows may have a value that the new type does not take; a source of None may."""
    if source is None:
        return True
    target = type_of(action.definition.get("typeName", {}))
    given = action.definition.get("raw_default")
    steps = list(_casts(given, action.column, source)) if given else []
    if given and not steps:
        return True
    pairs = pairwise(steps)
    if not all(takes_all(old, new, explicit=True) for old, new in pairs):
        return True
    return not takes_all(steps[-1] if steps else source, target, explicit=False)


def cut_to(action: Action, source: str) -> int | None:
    """Return the characters to which an explicit cast of USING cuts longer values, if it does."""
    given = action.definition.get("raw_default")
    limits = [
        limit
        for old, new in pairwise(_casts(given, action.column, source) if given else ())
        if (limit := _cuts(old, new))
    ]
    return min(limits, default=None)


def type_of(tree: Tree) -> str:
    """Return the type that a TypeName of the parser stands for."""
    names = [part["String"]["sval"] for part in tree.get("names", ()) if "String" in part]
    numbers = [_number(part) for part in tree.get("typmods", ())]
    modifier = f"({','.join(numbers)})" if numbers and all(numbers) else ""
    array = "_" if tree.get("arrayBounds") else ""
    return f"{array}{names[-1] if names else ''}{modifier}"


def takes_all(old: str, new: str, explicit: bool) -> bool:
    """Whether each value of the old type becomes one of the new; an explicit cast cuts strings."""
    before, after = WRITTEN.fullmatch(old), WRITTEN.fullmatch(new)
    if before is None or after is None:
        return False
    if not after[1] and after[2] in TEXTS and not after[3]:
        return True
    if before[1] != after[1]:
        return False
    name, kept = before[2], _numbers(before[3])
    target, limit = after[2], _numbers(after[3])
    if target == "numeric" and limit:
        return _fits(DIGITS.get(name) if name != "numeric" else None, kept, limit)
    if target in ("varchar", "bpchar") and limit:
        return explicit or (name in STRINGS and bool(kept) and kept[0] <= limit[0])
    if target in ROUNDED:
        return name == target or target in WIDER.get(name, ())
    return (name == target and (not limit or limit == kept)) or (
        not limit and target in WIDER.get(name, ())
    )


def _cuts(old: str, new: str) -> int | None:
    before, after = WRITTEN.fullmatch(old), WRITTEN.fullmatch(new)
    if before is None or after is None or after[2] not in ("varchar", "bpchar") or not after[3]:
        return None
    limit = _numbers(after[3])[0]
    name, kept = before[2], _numbers(before[3])
    longest = kept[0] if name in STRINGS and kept else LONGEST.get(name)
    return limit if longest is None or longest > limit else None


def _fits(digits: int | None, kept: list[int], limit: list[int]) -> bool:
    """Whether numeric(limit) has a digit for each of the old type, and one more if it rounds."""
    scale = limit[1] if len(limit) > 1 else 0
    if digits is not None:
        return limit[0] - scale >= digits
    if not kept:
        return False
    before = kept[1] if len(kept) > 1 else 0
    return limit[0] - scale >= kept[0] - before + (scale < before)


def _casts(given: Tree, column: str | None, source: str) -> Iterator[str]:
    """Yield the types that USING casts the column through; nothing where it does more."""
    steps: list[str] = []
    node = given
    while "TypeCast" in node:
        steps.append(type_of(node["TypeCast"].get("typeName", {})))
        node = node["TypeCast"].get("arg", {})
    if zoned := _in_zone(node):
        steps.append(ZONED.get(WRITTEN.sub(r"\2", source), ""))
        node = zoned
    fields = node.get("ColumnRef", {}).get("fields", ())
    if fields and fields[-1].get("String", {}).get("sval") == column:
        yield source
        yield from reversed(steps)


def _in_zone(node: Tree) -> Tree | None:
    """Return what `AT TIME ZONE 'UTC'` is said of."""
    call = node.get("FuncCall", {})
    if call.get("funcformat") != "COERCE_SQL_SYNTAX" or len(call.get("args", ())) != 2:
        return None
    zone, value = call["args"]
    names = [part.get("String", {}).get("sval") for part in call.get("funcname", ())]
    found: Tree | None = value if names[-1:] == ["timezone"] and "A_Const" in zone else None
    return found


def _number(part: Tree) -> str:
    found = part.get("A_Const", {}).get("ival", {})
    return str(found.get("ival", 0)) if "ival" in part.get("A_Const", {}) else ""


def _numbers(written: str | None) -> list[int]:
    return [int(number) for number in written.split(",")] if written else []
