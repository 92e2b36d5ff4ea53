"""Question: one collector asked once, of the server or of one of its databases."""

from dataclasses import dataclass

from collectors._base import AnyCollector


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in one round."""

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
