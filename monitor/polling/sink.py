"""Sink: publishes the rows of one server as metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from collectors._base import AnyCollector
from collectors._columns import Columns
from monitor.background import in_background, run_by_size


@dataclass(frozen=True, slots=True)
class Served:
    """Rows of an answer that have no series, and the reason."""

    left_out: int = 0
    """Rows beyond the bound of the collector."""
    duplicates: int = 0
    """Samples with labels that another sample already has."""
    shown: Sequence[Any] = ()
    """Where rows were left out, those that have series."""


class Put(Protocol):
    """Replaces what a collector serves of the server, or of one database."""

    def __call__(
        self,
        collector: AnyCollector,
        database: str | None,
        rows: Sequence[Any],
        whole: bool = ...,
    ) -> Served:
        """Make metrics of fresh rows; not `whole` are those that have series of their own."""


class Drop(Protocol):
    """Removes what is served: of one collector, of one of its databases, or of the whole server."""

    def __call__(
        self, collector: AnyCollector | None = ..., database: str | None = ...
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Sink:
    """The published metrics of one server."""

    put: Put
    drop: Drop

    async def publish(
        self, collector: AnyCollector, database: str | None, rows: Sequence[Any], whole: bool
    ) -> Served:
        """Put rows at once; long answers and parts of them in the background thread."""
        if not whole:
            return await in_background(partial(self.put, collector, database, rows, whole=False))
        if isinstance(rows, Columns):
            return await run_by_size(rows, self.put, collector, database, rows)
        return self.put(collector, database, rows)
