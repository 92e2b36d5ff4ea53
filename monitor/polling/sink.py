"""Sink: where the runner hands fresh rows to be published, and what is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from collectors._base import AnyCollector


@dataclass(frozen=True, slots=True)
class Served:
    """What of an answer has no series, and why."""

    left_out: int = 0
    """Rows beyond the bound of the collector."""
    duplicates: int = 0
    """Samples whose labels were taken already."""
    shown: Sequence[Any] = ()
    """Where rows were left out, those that have series."""


class Sink(Protocol):
    def __call__(
        self,
        collector: AnyCollector,
        database: str | None,
        rows: Sequence[Any],
        whole: bool = ...,
    ) -> Served:
        """Make metrics of fresh rows; not `whole` are those that have series of their own."""
