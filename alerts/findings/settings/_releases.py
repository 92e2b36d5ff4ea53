"""Releases of PostgreSQL: the minor versions with their dates, and the end of each major version.

From the announcements and the versioning policy of the PostgreSQL project, as of AS_OF. A release
of pgvigil brings a newer table; what it says is always said with that date.
"""

from datetime import UTC, date, datetime

AS_OF = date(2026, 11, 12)
END_OF_LIFE = {
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""The day of the last release, by major version."""
LATEST = {14: 25, 15: 20, 16: 16, 17: 12, 18: 6}
"""By major version, the minor one of the newest of DATES."""
DATES = (
    date(2025, 11, 13),
    date(2026, 2, 12),
    date(2026, 2, 26),
    date(2026, 5, 14),
    date(2026, 8, 13),
    date(2026, 11, 12),
)
"""Days on which all major versions had a minor release, the newest last."""


def day_of(at: float) -> date:
    """Return the day of a time in unix seconds."""
    return datetime.fromtimestamp(at, UTC).date()


def missed(version: int) -> tuple[date, ...]:
    """Return the days of the releases that a server (180004) has not; the last of them the newest.

    Of those before the table begins, only the number is known: they have its first day.
    """
    major, minor = divmod(version, 10_000)
    behind = max(0, LATEST.get(major, 0) - minor)
    known = DATES[len(DATES) - min(behind, len(DATES)) :]
    return (DATES[0],) * (behind - len(known)) + known
