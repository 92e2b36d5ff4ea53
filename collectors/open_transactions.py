"""Open transactions that have written, with what they have locked by now."""

from collections.abc import Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """Locks of one transaction at one of several queries that follow within milliseconds."""

    exposure: int
    """0 is the first."""
    pid: int
    virtualtransaction: str
    datname: str | None
    backend_start_text: str | None
    xact_start_text: str | None
    xact_seconds: float | None
    query_seconds: float | None
    query_start: float | None
    state: str | None
    wait_event_type: str | None
    query: str | None
    writes: Sequence[int] = ()
    """This and the following as in `locks`."""
    slots: Sequence[int] = ()
    unchanged: Sequence[int] = ()
    gates: Sequence[int] = ()
    keys: Sequence[int] = ()
    key_numbers: Sequence[str] = ()
    xid: int | None = None
    waits_for: int | None = None
    """The transaction id that it waits for, as for a row that the other one has changed,"""
    relation: int | None = None
    page: int | None = None
    line_pointer: int | None = None
    mode: str | None = None
    """and the row, if that is known."""


open_transactions = Collector(row=OpenTransaction, lane=Lane.fast)
