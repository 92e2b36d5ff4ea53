"""Indexes as they were right after a rebuild, which is the best measure of their bloat later.

How many pages an entry takes then is known, whatever the keys are; no statistics are needed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from alerts.history.keys import Key, keys_of
from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_indexes import UserIndex, user_indexes

IDENTITY = ("datname", "relid", "indexrelname", "definition")
"""An index is the same after REINDEX CONCURRENTLY, which gives it another oid."""
LEAST_BYTES = 1024**2
NEWS = 0.2
"""Share by which the entries must have changed to be noted: less would be written all the time."""
SAME_ROWS = 0.5
"""Share by which the entries may differ: else it was emptied and filled anew, not rebuilt."""


@dataclass(frozen=True, slots=True)
class RebuiltSizes:
    """Bytes of an entry right after the last rebuild that was seen, by index."""

    room: Mapping[str, Json]

    def empty_share(self, index: UserIndex) -> float | None:
        """Return the share that a rebuild would free now; None if none was seen."""
        known = self.room.get(json.dumps(_key(index)))
        match known:
            case [int(file), _, int() | float() as entry] if file == index.relfilenode:
                return max(0.0, 1.0 - entry * max(0.0, index.reltuples) / index.size_bytes)
            case _:
                return None


def _key(index: UserIndex) -> Key:
    return tuple(getattr(index, name) for name in IDENTITY)


class Rebuilt(SingleHistory[RebuiltSizes]):
    """Time when the file of an index was replaced by another one with as many entries."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_indexes,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "RebuiltRecorder":
        return RebuiltRecorder(memory, namespace.of("user_indexes.rebuilt"))


class RebuiltRecorder:
    """Keeps, for each index, its file, its entries, and their size if it was rebuilt."""

    def __init__(self, memory: Memory, namespace: Namespace) -> None:
        self.memory, self.namespace = memory, namespace
        self.known = memory.room(namespace)

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        room, changes, seen = self.memory.room(self.namespace), dict[str, Json](), set[str]()
        keys, _ = keys_of(collector, answer, IDENTITY)
        names = "relfilenode", "reltuples", "size_bytes"
        columns = (column(answer.rows, name) for name in names)
        for one, file, entries, size in zip(keys, *columns, strict=True):
            key = json.dumps(one)
            seen.add(key)
            old = room.get(key)
            if entries <= 0 or (old is None and size < LEAST_BYTES):
                continue
            if (new := _after(old, file, entries, size)) is not old:
                changes[key] = new
        if not answer.missing:  # a database that was not asked has not lost its indexes
            changes |= dict.fromkeys(room.keys() - seen)
        self.memory.update(self.namespace, changes)
        self.known = self.memory.room(self.namespace)

    def restart(self) -> None:
        """Nothing begins anew: files tell what was rebuilt."""

    def view(self, at: float) -> RebuiltSizes:
        return RebuiltSizes(self.known)


def _after(old: Json, file: int, entries: float, size: int) -> Json:
    """Return what is known after another answer; the same object where nothing has changed."""
    match old:
        case [int(known), int() | float() as before, entry]:
            if known != file:
                is_rebuilt = abs(entries - before) <= SAME_ROWS * before
                return [file, entries, size / entries if is_rebuilt else None]
            if abs(entries - before) <= NEWS * before:
                return old
            return [file, entries, entry]
        case _:
            return [file, entries, None]
