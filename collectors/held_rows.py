"""Rows and advisory locks that open transactions hold, by their keys."""

from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row version that an open transaction has changed or locked, or an advisory lock."""

    datname: str
    relid: int | None
    """None: an advisory lock."""
    exposure: int
    """Several queries follow each other within milliseconds: 0 is the first."""
    pid: int
    transaction: str
    """As pg_locks calls it: virtualtransaction."""
    page: int | None
    line_pointer: int | None
    key: str
    """Its key columns, as they are written in statements; classid, objid and objsubid of an
    advisory lock."""
    is_weak: bool = False
    """Whether it may be held for a foreign key only, which keeps no other update away."""
    column: str | None = None
    """Name of the key column, if it is one and has integers."""


held_rows = Collector(row=HeldRow, lane=Lane.fast)
