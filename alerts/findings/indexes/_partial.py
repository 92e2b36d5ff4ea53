"""The statement that builds an index again with another predicate, from catalogues alone."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from alerts.cure import concurrently, identifier, remark
from collectors.index_layout import IndexLayout

ORDERS = {0: "", 1: " DESC NULLS LAST", 2: " NULLS FIRST", 3: " DESC"}


class Column(NamedTuple):
    """A column of an index; None of an expression."""

    name: str | None
    type: str | None
    not_null: bool | None
    collation: int | None
    is_default_opclass: bool | None


def columns_of(index: IndexLayout) -> list[Column]:
    return [Column(*column) for column in json.loads(index.columns)]


def mentions(index: IndexLayout, attnum: int) -> bool:
    """Return True if the column is part of the index: in its keys, expressions or predicate."""
    stored = f"{index.indexprs or ''}{index.indpred or ''}"
    return str(attnum) in index.indkey.split() or has_variable(stored, attnum)


def has_variable(stored: str, attnum: int) -> bool:
    return re.search(rf":varattno {attnum}\b", stored) is not None


def statement(index: IndexLayout, predicate: str) -> str | None:
    """Return the CREATE INDEX; None where the catalogues read don't tell how it is written."""
    keys = list(_keys(index))
    if None in keys or index.indpred is not None or index.opclass_options:
        return None
    names = [identifier(column.name or "") for column in columns_of(index)[index.indnkeyatts :]]
    included = f" INCLUDE ({', '.join(names)})" if names else ""
    unique = "UNIQUE " if index.is_unique else ""
    table = identifier(index.schemaname, index.relname)
    parts = ", ".join(key for key in keys if key)
    nulls = " NULLS NOT DISTINCT" if index.nulls_not_distinct else ""
    return (
        f"CREATE {unique}INDEX CONCURRENTLY ON {table} USING {identifier(index.amname)}"
        f" ({parts}){included}{nulls} WHERE {predicate};"
    )


def _keys(index: IndexLayout) -> Iterator[str | None]:
    collations, orders = index.indcollation.split(), index.indoption.split()
    for column, collation, order in zip(columns_of(index), collations, orders, strict=False):
        plain = column.name is not None and column.is_default_opclass
        if plain and int(collation) == column.collation:
            yield identifier(column.name or "") + ORDERS[int(order)]
        else:
            yield None


def rebuilt(index: IndexLayout, predicate: str) -> tuple[str, ...]:
    """Return the statements that build it, or advice where the statement is not known."""
    create = statement(index, predicate)
    if create is None:
        return (remark(f"Build it again as it is defined, with WHERE {predicate} at its end."),)
    clean_up = "the new index is invalid; drop it with DROP INDEX CONCURRENTLY."
    return concurrently(create, clean_up)
