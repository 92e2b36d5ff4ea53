"""What the model must know of a table and its columns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute, in the words of pg_attribute and pg_statistic; dropped ones too."""

    attlen: int
    attalign: str
    attstorage: str
    attnotnull: bool
    attisdropped: bool
    atthasmissing: bool
    """It was added with a default that older rows don't carry; a rewrite would write it out."""
    typname: str
    """Of the base type, where the column's type is a domain."""
    atttypmod: int
    stanullfrac: float | None
    stawidth: int | None
    """Mean bytes as stored (with header, compressed, or the pointer to TOAST), cut to whole."""
    is_virtual: bool = False
    """Generated when read, and stored as a null."""

    @property
    def is_stored(self) -> bool:
        return not (self.attisdropped or self.is_virtual)

    @property
    def is_fixed(self) -> bool:
        return self.attlen > 0

    @property
    def null_fraction(self) -> float | None:
        return 0.0 if self.stanullfrac is None and self.attnotnull else self.stanullfrac

    @property
    def is_known(self) -> bool:
        """Whether enough is known of it to draw values."""
        if not self.is_stored:
            return True
        return self.null_fraction is not None and (self.is_fixed or self.stawidth is not None)


@dataclass(frozen=True, slots=True)
class Heap:
    """One table as the last vacuum or analyze left it in pg_class, and what happened since."""

    oid: int
    relpages: int
    reltuples: float
    """Live rows; -1 where neither vacuum nor analyze has ever counted them."""
    fillfactor: int
    columns: tuple[Column, ...]
    """In the order of attnum."""
    statistics_readable: bool
    n_live_tup: int | None
    n_dead_tup: int | None
    n_mod_since_analyze: int | None
    statistics_age_seconds: float | None
    block_size: int = 8192
