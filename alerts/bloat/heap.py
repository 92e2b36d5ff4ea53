"""Input of the bloat model: a table and its columns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column, with the values of pg_attribute and pg_statistic; dropped columns too."""

    attlen: int
    attalign: str
    attstorage: str
    attnotnull: bool
    attisdropped: bool
    atthasmissing: bool
    """Whether it was added with a default that older rows don't contain; a rewrite adds it."""
    typname: str
    """Storage of the type; for a domain, of its base type."""
    atttypmod: int
    stanullfrac: float | None
    stawidth: int | None
    """Mean stored bytes (with header; compressed, or a TOAST pointer), rounded down."""
    is_virtual: bool = False
    """Whether it is a virtual generated column, which is stored as null."""

    @property
    def is_stored(self) -> bool:
        return not (self.attisdropped or self.is_virtual)

    @property
    def is_fixed(self) -> bool:
        return self.attlen > 0

    @property
    def is_elastic(self) -> bool:
        """Return whether some of its values may be many times longer than others."""
        is_narrow = self.is_fixed or self.is_padded or self.typname == "numeric"
        return self.is_stored and not is_narrow

    @property
    def is_padded(self) -> bool:
        return self.typname in ("bpchar", "bit") and self.atttypmod >= 0

    @property
    def is_toastable(self) -> bool:
        """Return whether a long value is compressed, or moved out of the row."""
        return self.is_stored and self.attlen == -1 and self.attstorage != "p"

    @property
    def null_fraction(self) -> float | None:
        return 0.0 if self.stanullfrac is None and self.attnotnull else self.stanullfrac

    @property
    def is_known(self) -> bool:
        """Return True if its statistics are sufficient for sampling."""
        if not self.is_stored:
            return True
        return self.null_fraction is not None and (self.is_fixed or self.stawidth is not None)


@dataclass(frozen=True, slots=True)
class Heap:
    """A table with its values in pg_class from the last vacuum or analyze, and changes since."""

    oid: int
    relpages: int
    reltuples: float
    """Live rows; -1 if neither vacuum nor analyze has counted them yet."""
    fillfactor: int
    columns: tuple[Column, ...]
    """Columns in the order of attnum."""
    statistics_readable: bool
    n_live_tup: int | None
    n_dead_tup: int | None
    n_mod_since_analyze: int | None
    statistics_age_seconds: float | None
    statistics_target: int = 100
    """ANALYZE reads 300 rows for each unit."""
    block_size: int = 8192
    rows_made: float | None = None
    """Rows and versions put in since it was empty, or more; None if not all were counted."""
