"""Modes of table locks, and which sessions each of them blocks."""

from enum import IntEnum, StrEnum


class Blocked(StrEnum):
    """Sessions of the application that have to wait for a lock."""

    none = "none"
    writers = "writers"
    all = "all sessions"


class LockMode(IntEnum):
    """In the order of strength; the names are those of pg_locks without `Lock`."""

    AccessShare = 1
    RowShare = 2
    RowExclusive = 3
    ShareUpdateExclusive = 4
    Share = 5
    ShareRowExclusive = 6
    Exclusive = 7
    AccessExclusive = 8

    @classmethod
    def of(cls, written: str) -> "LockMode":
        """Return the mode that pg_locks calls `AccessShareLock`."""
        return cls[written.removesuffix("Lock")]

    @property
    def sql(self) -> str:
        """The mode as in LOCK TABLE: ACCESS EXCLUSIVE."""
        return "".join(f" {c}" if c.isupper() else c for c in self.name).strip().upper()

    def conflicts(self, other: "LockMode") -> bool:
        """Return True if the two can't be held on one table by two transactions."""
        both_read = self is other is LockMode.Share
        return other >= WEAKEST_CONFLICT[self] and not both_read

    @property
    def blocks(self) -> Blocked:
        """Which of readers (ACCESS SHARE) and writers (ROW EXCLUSIVE) conflict with it."""
        if self is LockMode.AccessExclusive:
            return Blocked.all
        return Blocked.writers if self >= LockMode.Share else Blocked.none

    @property
    def waits_for_readers(self) -> bool:
        """Whether it is granted only once every transaction that has read the table is over."""
        return self is LockMode.AccessExclusive


WEAKEST_CONFLICT = {
    LockMode.AccessShare: LockMode.AccessExclusive,
    LockMode.RowShare: LockMode.Exclusive,
    LockMode.RowExclusive: LockMode.Share,
    LockMode.ShareUpdateExclusive: LockMode.ShareUpdateExclusive,
    LockMode.Share: LockMode.RowExclusive,
    LockMode.ShareRowExclusive: LockMode.RowExclusive,
    LockMode.Exclusive: LockMode.RowShare,
    LockMode.AccessExclusive: LockMode.AccessShare,
}
"""The weakest mode that each conflicts with; all stronger ones conflict too."""
