"""Statements that add a range partition to a busy table.

CREATE TABLE … PARTITION OF would hold ACCESS EXCLUSIVE on the parent; ATTACH lets reads and writes
go on. A DEFAULT partition is locked by ATTACH and read from end to end, unless a validated CHECK
proves that no row of the new range is in it.
"""

from collections.abc import Iterator

from alerts.cure import identifier, literal, remark
from alerts.partitions.bound import Point, Range, written
from alerts.partitions.tree import Partitioned, name_of
from collectors.partitions import Partition

TYPES = {
    "date": "pg_catalog.date",
    "timestamp without time zone": "pg_catalog.timestamp",
    "timestamp with time zone": "pg_catalog.timestamptz",
    "smallint": "pg_catalog.int2",
    "integer": "pg_catalog.int4",
    "bigint": "pg_catalog.int8",
}
OF_ATTACH = "pgvigil_attach"
"""Name of the CHECK constraints; dropped afterwards."""


def condition(parent: Partition, bounds: Range) -> str:
    """Return the condition of rows that belong to a range."""
    assert parent.key_column is not None
    column, parts = identifier(parent.key_column), []
    for operator, end in ((">=", bounds.lower), ("<", bounds.upper)):
        if end is not None:
            value = bound_literal(parent, end)
            parts.append(f"{column} OPERATOR(pg_catalog.{operator}) {value}")
    return " AND ".join((f"{column} IS NOT NULL", *parts))


def bound_literal(parent: Partition, end: Point) -> str:
    """Return a value of the key, with its type."""
    assert parent.key_type is not None
    return f"{_text(parent, end)}::{TYPES[parent.key_type]}"


def for_values(parent: Partition, bounds: Range) -> str:
    """Return the bounds as ATTACH PARTITION takes them."""
    more, ends = (parent.key_columns or 1) - 1, list[str]()
    for end, name in ((bounds.lower, "MINVALUE"), (bounds.upper, "MAXVALUE")):
        first, rest = (name, name) if end is None else (_text(parent, end), "MINVALUE")
        ends.append(", ".join([first, *[rest] * more]))
    return f"FOR VALUES FROM ({ends[0]}) TO ({ends[1]})"


def _text(parent: Partition, end: Point) -> str:
    assert parent.key_type is not None
    return literal(written(end, parent.key_type))


def creation(table: Partitioned, name: str, bounds: Range) -> Iterator[str]:
    """Yield the statements that make one empty partition and attach it."""
    parent, own = table.table, table.name
    new = identifier(parent.schemaname, name)
    inside = condition(parent, bounds)
    yield (
        f"CREATE TABLE {new} (LIKE {own} INCLUDING ALL EXCLUDING IDENTITY,"
        f" CONSTRAINT {OF_ATTACH} CHECK ({inside}));"
    )
    yield f"ALTER TABLE {new} OWNER TO {identifier(parent.owner)};"
    attach = f"ALTER TABLE {own} ATTACH PARTITION {new} {for_values(parent, bounds)};"
    yield from _attached(table.default, attach, inside)
    yield f"ALTER TABLE {new} DROP CONSTRAINT {OF_ATTACH};"


def _attached(default: Partition | None, attach: str, inside: str) -> Iterator[str]:
    """Attach only after VALIDATE has succeeded: psql goes on after an error, a transaction does
    not. The CHECK goes in either case, as it refuses rows of the new range."""
    if default is None:
        yield attach
        return
    own = name_of(default)
    reads = f"ATTACH locks the DEFAULT partition {own} while it reads all of it"
    if default.relkind != "r":
        yield remark(f"{reads}.")
        yield attach
        return
    yield remark(
        f"{reads}, unless it has a validated CHECK. If VALIDATE fails, rows of that range are in"
        " it, and nothing is attached: see partition_default_filling. Run the statements up to the"
        " last one in any case: until it is dropped, the CHECK refuses rows of the new range."
    )
    yield f"ALTER TABLE {own} ADD CONSTRAINT {OF_ATTACH} CHECK (NOT ({inside})) NOT VALID;"
    yield "BEGIN;"
    yield f"ALTER TABLE {own} VALIDATE CONSTRAINT {OF_ATTACH};"
    yield attach
    yield "COMMIT;"
    yield f"ALTER TABLE {own} DROP CONSTRAINT IF EXISTS {OF_ATTACH};"


def is_simple(table: Partitioned) -> bool:
    """Whether new partitions are plain tables, as the newest ones are."""
    kinds = {one.relkind for one in table.partitions if one.relid != table.table.default_relid}
    return kinds <= {"r"}
