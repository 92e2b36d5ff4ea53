"""Question: one query of a collector, on the server or in one of its databases."""

from dataclasses import dataclass

from collectors._base import AnyCollector


@dataclass(frozen=True, slots=True)
class Question:
    """One query of one round."""

    collector: AnyCollector
    database: str | None
    """None: of the server as a whole."""
    began: float
    """Unix seconds."""
    tables: frozenset[int] | None = None
    """The tables asked about, by OID; None: all of them."""

    @property
    def is_whole(self) -> bool:
        """Whether the answer replaces all that was known."""
        return self.tables is None
