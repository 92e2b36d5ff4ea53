"""Rows that open transactions hold, by key, where the key may be read."""

from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row version that an open transaction has changed or locked."""

    datname: str
    relid: int
    exposure: int
    """Several queries follow each other within milliseconds: 0 is the first."""
    pid: int
    transaction: str
    """As pg_locks calls it: virtualtransaction."""
    page: int
    line_pointer: int
    key: str
    """Its key columns, as they are written in statements."""
    is_weak: bool
    """Whether it may be held for a foreign key only, which keeps no other update away."""


held_rows = Collector(row=HeldRow, lane=Lane.fast)
