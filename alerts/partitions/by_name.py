"""Partitions that statements name themselves, as a job does that asks one after the other."""

from collections.abc import Sequence
from datetime import timedelta

from alerts.snapshot import Snapshot
from alerts.statements.history import STATEMENTS
from alerts.statements.texts import STATEMENT_TEXTS, KnownText
from collectors.partitions import Partition
from collectors.stat_statements import stat_statements

HOUR = timedelta(hours=1)
OTHERS = 4
"""A job may leave out one of this number of partitions."""


def asked_by_name(snapshot: Snapshot, leaves: Sequence[Partition]) -> int:
    """Return how often statements named each of nearly all of these partitions within an hour.

    0 where statements are not counted: then what they name is not known.
    """
    if not leaves or not snapshot.has(stat_statements):
        return 0
    uses, texts = snapshot.of(STATEMENTS), snapshot.of(STATEMENT_TEXTS).known
    calls = {leaf.relname: 0.0 for leaf in leaves}
    for (_, dbid, query_id), use in (uses.over(HOUR) or {}).items():
        text = texts.get(query_id)
        if text is None or uses.databases.get(dbid) != leaves[0].datname or not _scans(text):
            continue
        for name in calls.keys() & (text.names.words if text.names else ()):
            calls[name] += use.calls
    return int(sorted(calls.values())[len(calls) // OTHERS])


def _scans(text: KnownText) -> bool:
    """Whether it reads what it names: one that only adds rows does not."""
    first = text.query.lstrip()[:6].lower()
    is_loaded = first.startswith("copy") and " to " not in text.query.lower()
    return first != "insert" and not is_loaded
