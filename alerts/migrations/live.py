"""Facts of the live server that decide what a migration does to it. None is not known."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.traced import Relation

PAGE = 8192


@dataclass(frozen=True, slots=True)
class OldestHolder:
    """The oldest transaction that has a lock of a mode on a table, or a snapshot."""

    pid: int | None
    """None is a prepared transaction."""
    seconds: float
    state: str
    mode: LockMode = LockMode.AccessShare


@dataclass(frozen=True, slots=True)
class Traffic:
    """Statements a second, or what comes near to it."""

    reads: float
    writes: float
    counted: bool
    """Whether statements were counted by pg_stat_statements; else scans, and rows written."""


@dataclass(frozen=True, slots=True)
class LiveTable:
    """One table, or partition."""

    relation: Relation
    bytes: int | None = None
    """Of its rows, without TOAST and indexes."""
    toast_bytes: int = 0
    index_bytes: int = 0
    indexes: int = 0
    rows: float | None = None
    traffic: Traffic | None = None
    holders: tuple[OldestHolder, ...] = ()
    """For each mode that is held now, the oldest transaction."""
    hidden: tuple[LockMode, ...] = ()
    """Modes that are held now by transactions whose age our role may not see."""
    null_shares: Mapping[str, float] = field(default_factory=dict)
    """By column, of the last ANALYZE."""
    repeated: Mapping[str, bool] = field(default_factory=dict)
    """By column, whether ANALYZE has seen a value more than once."""
    keys: Mapping[str, bool] = field(default_factory=dict)
    """Columns that are a unique key alone, and whether they are of whole numbers."""
    types: Mapping[str, str] = field(default_factory=dict)
    """By column, as the catalogue names it: varchar(45)."""
    partitions: int = 0

    def holder(self, wanted: LockMode) -> OldestHolder | None:
        """Return the oldest transaction that keeps a lock of this mode waiting."""
        in_the_way = (one for one in self.holders if one.mode.conflicts(wanted))
        return max(in_the_way, key=lambda one: one.seconds, default=None)

    def is_hidden(self, wanted: LockMode) -> bool:
        """Whether such a transaction keeps a lock of this mode waiting."""
        return any(mode.conflicts(wanted) for mode in self.hidden)

    @property
    def pages(self) -> float | None:
        return None if self.bytes is None else self.bytes / PAGE

    @property
    def whole(self) -> int | None:
        """Bytes with TOAST and indexes."""
        return None if self.bytes is None else self.bytes + self.toast_bytes + self.index_bytes


@dataclass(frozen=True, slots=True)
class Standby:
    """A standby that replays what the migration writes."""

    name: str
    behind_bytes: int | None
    is_sync: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """A statement that this server has run, and how fast it was."""

    work: str
    """scan, filtered scan or index build."""
    pages: float
    seconds: float


@dataclass(frozen=True, slots=True)
class LiveServer:
    """Facts of the live server, asked at one time."""

    name: str
    version: int
    tables: Mapping[Relation, LiveTable] = field(default_factory=dict)
    standbys: tuple[Standby, ...] | None = None
    oldest: OldestHolder | None = None
    """The oldest snapshot of the database: CREATE INDEX CONCURRENTLY waits for it."""
    observed: tuple[Observed, ...] = ()
    why_unobserved: str = "pg_stat_statements is not there"
    texts: tuple[str, ...] | None = None
    """Statements that have run on this database; None is not known."""
    lock_timeout: float = 0.0
    """Seconds that the role or the database sets; 0 is none."""
    max_wal_bytes: int | None = None
    slots_keep_all: bool = False
    """Whether a slot may keep WAL without a limit."""
    standby_delay: float | None = None
    """Seconds after which a standby cancels a query that is in the way of a lock; -1 is never."""
    texts_hidden: bool = False
    """Whether there are others, of roles whose statements ours may not see."""
    sessions_hidden: bool = False
    """Whether there are sessions in the database whose transactions ours may not see."""

    @property
    def major(self) -> int:
        return self.version // 10000
