"""Keys of tables by their names: how a column says that it refers to the rows of a table."""

from functools import lru_cache

KINDS = ("id", "uuid", "guid")
"""What stands before or after the name of a table in a column that refers to it."""


@lru_cache(maxsize=2000)
def forms(table: str) -> tuple[str, ...]:
    """Return the name of a table as a column may refer to it: shop_orders, orders, order."""
    words = table.lower().split("_")
    names = ["".join(words[at:]) for at in range(len(words))]
    ends = (("ies", "y"), ("es", ""), ("s", ""))
    singular = (
        name.removesuffix(end) + new for name in names for end, new in ends if name.endswith(end)
    )
    return tuple(form for form in (*names, *singular) if form)


@lru_cache(maxsize=2000)
def references(table: str) -> frozenset[str]:
    """Return the names that columns which refer to a table may have, without underscores."""
    return frozenset(
        name for form in forms(table) for kind in KINDS for name in (form + kind, kind + form)
    )


def plain(column: str) -> str:
    """Return the name of a column as `references` has it."""
    return column.lower().replace("_", "")


def refers_to(column: str, table: str) -> bool:
    return plain(column) in references(table)


def is_own_key(column: str, table: str) -> bool:
    """Whether a column of that table is its key, by its name."""
    return plain(column) in KINDS or refers_to(column, table)
