"""Keys that identify a row in successive answers."""

import json
from collections.abc import Hashable, Iterable, Sequence

from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column

Key = tuple[Hashable, ...]


def keys_of(
    collector: AnyCollector, answer: AnyAnswer, by: tuple[str, ...] = ()
) -> tuple[Iterable[Key], Sequence[object]]:
    """Of all rows, the keys, and what changes when their counters start anew.

    The keys are the collector's own, or the attributes `by`.
    """
    rows = answer.rows
    named = [column(rows, name) for name in by or collector.key]
    # One row about the server as a whole has no key, and is known by that.
    keys: Iterable[Key] = zip(*named, strict=True) if named else [()] * len(rows)
    return keys, column(rows, collector.epoch) if collector.epoch else [None] * len(rows)


def parsed_key(stored: str) -> Key | None:
    """Return a key that was stored as a JSON list; None for what we have not written."""
    try:
        parts = json.loads(stored)
    except ValueError:
        return None
    return tuple(parts) if isinstance(parts, list) else None
