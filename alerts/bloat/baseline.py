"""Pages that the rows of a table took when it was just rewritten, or was seen best filled.

Compared with that, bloat can be told without column statistics: rows that are still the same take
as many pages as they did. Rows that were inserted or updated since then may be longer or shorter.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from alerts.bloat.estimate import SMALLEST_FILE
from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_tables import UserTable, user_tables

ALIKE = 0.05
"""Share by which the pages of a row may differ while the table is as well filled as before."""
RENEWED = 0.2
"""Changed rows, as a share of all, from which a table that is as well filled is noted again."""
SAME_ROWS = 0.5
"""Share by which the rows may differ after a rewrite: else it was emptied and filled anew."""
MOST_CHANGED = 1.0
"""Changed rows, as a share of all, from which nothing is told: they may all be longer now."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Earlier state of a table's file."""

    needed_share: float
    """Pages that its rows took then, as a share of those that the file has now."""
    changed_share: float
    """Rows inserted or updated since then, as a share of all."""
    grown_share: float
    """The part of the file by which it has grown since then."""
    is_rewrite: bool
    """Whether it was just rewritten then; else there may have been bloat even then."""
    is_untouched: bool
    """Whether its file has hardly changed since the rewrite."""


class _Noted(NamedTuple):
    """Baseline of a table, as a list in the state file."""

    file: int
    epoch: float | None
    """Start of its counters."""
    rows: float
    pages_each: float
    changes: int
    """Rows inserted and updated since the counters began."""
    is_rewrite: bool
    deletes: int


class _Look(NamedTuple):
    """One table in one answer."""

    file: int
    epoch: float | None
    rows: float
    pages: int
    inserts: int
    updates: int
    deletes: int

    @property
    def changes(self) -> int:
        return self.inserts + self.updates

    def noted(self, *, is_rewrite: bool) -> _Noted:
        each = self.pages / self.rows
        return _Noted(
            self.file, self.epoch, self.rows, each, self.changes, is_rewrite, self.deletes
        )


COLUMNS = (
    "relfilenode",
    "stats_reset",
    "reltuples",
    "relpages",
    "n_tup_ins",
    "n_tup_upd",
    "n_tup_del",
)


@dataclass(frozen=True, slots=True)
class Baselines:
    """Notes on each table."""

    room: Mapping[str, Json]

    def of(self, table: UserTable) -> Baseline | None:
        """Return what is known of a table as it is now; None if nothing is, or nothing holds."""
        noted = _read(self.room.get(_key(table.datname, table.relid)))
        if noted is None or table.reltuples < 0 or table.relpages <= 0:
            return None
        now = _Look(*(getattr(table, name) for name in COLUMNS))
        if (noted.file, noted.epoch) != (now.file, now.epoch):
            return None
        changed = (now.changes - noted.changes) / max(1.0, now.rows)
        if not 0 <= changed <= MOST_CHANGED:
            return None
        deleted = (now.deletes - noted.deletes) / max(1.0, noted.rows)
        return Baseline(
            needed_share=noted.pages_each * now.rows / now.pages,
            changed_share=changed,
            grown_share=max(0.0, 1.0 - noted.pages_each * noted.rows / now.pages),
            is_rewrite=noted.is_rewrite,
            is_untouched=noted.is_rewrite and changed <= ALIKE and deleted <= ALIKE,
        )


def _key(datname: str, relid: int) -> str:
    return json.dumps((datname, relid))


def _read(stored: Json) -> _Noted | None:
    match stored:
        case [
            int(file),
            int() | float() | None as epoch,
            int() | float() as rows,
            int() | float() as each,
            int(changes),
            bool(is_rewrite),
            int(deletes),
        ]:
            return _Noted(file, epoch, rows, each, changes, is_rewrite, deletes)
        case _:
            return None


class HeapBaseline(SingleHistory[Baselines]):
    """Best fill of each table in its current file."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "BaselineRecorder":
        return BaselineRecorder(memory, namespace.of("user_tables.baseline"))


class BaselineRecorder:
    """Notes a table when it was rewritten, and when it is as well filled as ever."""

    def __init__(self, memory: Memory, namespace: Namespace) -> None:
        self.memory, self.namespace = memory, namespace
        self.known = memory.room(namespace)
        self.last: dict[str, _Look] = {}
        """The last look at each noted table, which tells a rewrite from a new load."""

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        room, changes = self.memory.room(self.namespace), dict[str, Json]()
        last, seen = dict[str, _Look](), set[str]()
        for key, now in _looks(answer, room):
            seen.add(key)
            before = self.last.get(key)
            if now.rows <= 0 or now.pages <= 0:  # being loaded or rewritten, or empty
                last |= {key: before} if before else {}
                continue
            last[key] = now
            noted = _read(room.get(key))
            if (new := _after(noted, before, now)) is not noted:
                changes[key] = [*new]
        if answer.missing:  # a database that was not asked has not lost its tables
            last = self.last | last
        else:
            changes |= dict.fromkeys(room.keys() - seen)
        self.last = last
        self.memory.update(self.namespace, changes)
        self.known = self.memory.room(self.namespace)

    def restart(self) -> None:
        """Files and the start of the counters tell what still holds."""
        self.last = {}

    def view(self, at: float) -> Baselines:
        return Baselines(self.known)


def _looks(answer: AnyAnswer, room: Mapping[str, Json]) -> Iterator[tuple[str, _Look]]:
    """Yield the tables that are large enough, or were so when they were noted."""
    rows = answer.rows
    keys = zip(column(rows, "datname"), column(rows, "relid"), strict=True)
    looks = zip(*(column(rows, name) for name in COLUMNS), strict=True)
    sizes = column(rows, "relpages")
    for (datname, relid), pages, values in zip(keys, sizes, looks, strict=True):
        if pages < SMALLEST_FILE and not room:
            continue
        key = _key(datname, relid)
        if pages >= SMALLEST_FILE or key in room:
            yield key, _Look(*values)


def _after(noted: _Noted | None, before: _Look | None, now: _Look) -> _Noted:
    """Return what is noted after another look; the same object where nothing has changed."""
    if noted is None or (noted.epoch != now.epoch):
        return now.noted(is_rewrite=False)
    if noted.file != now.file:
        return now.noted(is_rewrite=_is_rewrite(before, now))
    each = now.pages / now.rows
    if each < (1.0 - ALIKE) * noted.pages_each:
        return now.noted(is_rewrite=False)
    has_grown = now.changes - noted.changes >= RENEWED * now.rows
    if has_grown and each <= (1.0 + ALIKE) * noted.pages_each:
        # The pages of a row stay those of the first note: bloat must not creep in.
        return now.noted(is_rewrite=noted.is_rewrite)._replace(pages_each=noted.pages_each)
    return noted


def _is_rewrite(before: _Look | None, now: _Look) -> bool:
    """Whether a new file holds the rows of the old one, and not others that were loaded."""
    if before is None or before.epoch != now.epoch or before.file == now.file:
        return False
    is_alike = abs(now.rows - before.rows) <= SAME_ROWS * before.rows
    return is_alike and now.changes - before.changes <= RENEWED * now.rows
