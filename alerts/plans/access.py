"""Ways of access: how busy tables were read, before and after a time.

Only the tables with the most blocks read are followed, so that a hundred thousand of them cost no
memory here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple

from alerts.history.keys import Key, keys_of
from alerts.history.kind import History
from alerts.history.memory import Memory, Namespace
from alerts.history.samples import DAY, HOUR, MINUTE
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column
from collectors.user_tables import user_tables

FOLLOWED = 300
"""Tables of a server."""
BLOCKS = ("heap_blocks_read", "heap_blocks_hit", "idx_blocks_read", "idx_blocks_hit")
COLUMNS = ("seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch", "n_live_tup")
FINE = 2 * MINUTE
"""Seconds between two looks of the last half hour; of older ones there are two for each hour."""
RECENT = 30 * MINUTE
KEPT = DAY + 2 * HOUR
SPAN = 10 * MINUTE
"""Seconds of a rate before or after a change."""


class Look(NamedTuple):
    """Counters of one table at one time; the last number is its size in rows."""

    at: float
    seq_scan: int
    seq_tup_read: int
    idx_scan: int
    idx_tup_fetch: int
    rows: int
    blocks: int


class Rates(NamedTuple):
    """How a table was read, per second."""

    seq_scan: float
    seq_tup_read: float
    idx_scan: float
    idx_tup_fetch: float
    rows: float
    """Its size, not a rate."""
    blocks: float

    @property
    def rows_read(self) -> float:
        return self.seq_tup_read + self.idx_tup_fetch


class Looks(NamedTuple):
    """The looks at one table, the oldest first."""

    epoch: object
    looks: tuple[Look, ...]

    def after(self, look: Look, epoch: object) -> "Looks":
        """Return what holds after another look; a fall or a new epoch begins anew."""
        newest = self.looks[-1]
        if epoch != self.epoch or any(n < o for n, o in zip(look[:5], newest[:5], strict=True)):
            return Looks(epoch, (look,))
        looks = self.looks
        if len(looks) > 1 and look.at - looks[-2].at < FINE:
            looks = looks[:-1]
        return Looks(epoch, (*_thinned(looks, look.at), look))

    def before(self, since: float) -> Rates | None:
        """Return the rates of the time until then; None if it was not followed."""
        old = [look for look in self.looks if look.at <= since]
        if len(old) < 2:
            return None
        first = next((look for look in reversed(old[:-1]) if old[-1].at - look.at >= SPAN), old[0])
        return _rates(first, old[-1])

    def since(self, since: float) -> Rates | None:
        """Return the newest rates after that time."""
        newest = self.looks[-1]
        new = [look for look in self.looks[:-1] if look.at >= since]
        if not new:
            return None
        first = next((look for look in reversed(new) if newest.at - look.at >= SPAN), new[0])
        return _rates(first, newest)


@dataclass(frozen=True, slots=True)
class Accessed:
    """Per table, as of the newest answer."""

    tables: Mapping[Key, Looks]

    def around(self, key: Key, since: float) -> tuple[Rates, Rates] | None:
        """Return the rates before and after a time; None where one of them is not known."""
        own = self.tables.get(key)
        before = own.before(since) if own else None
        after = own.since(since) if own else None
        return (before, after) if before and after else None


@dataclass(frozen=True, slots=True)
class TableAccess(History[Accessed]):
    """How the busiest tables were read, over a day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_tables,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "TableAccessRecorder":
        return TableAccessRecorder()


class TableAccessRecorder:
    """Keeps the looks at each table; one that is busy no more is forgotten."""

    def __init__(self) -> None:
        self.accessed = Accessed({})

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        known, tables = self.accessed.tables, dict[Key, Looks]()
        keys, epochs = keys_of(collector, answer)
        counts = zip(*(column(answer.rows, name) for name in COLUMNS), strict=True)
        blocks = map(_sum, *(column(answer.rows, name) for name in BLOCKS))
        rows = zip(blocks, keys, epochs, counts, strict=True)
        for total, key, epoch, own in nlargest(FOLLOWED, rows, key=lambda row: row[0]):
            look, looks = Look._make((answer.at, *own, total)), known.get(key)
            tables[key] = looks.after(look, epoch) if looks else Looks(epoch, (look,))
        self.accessed = Accessed(tables)

    def restart(self) -> None:
        self.accessed = Accessed({})

    def view(self, at: float) -> Accessed:
        return self.accessed


def _sum(*parts: int | None) -> int:
    return sum(part or 0 for part in parts)


def _rates(old: Look, new: Look) -> Rates:
    seconds = max(new.at - old.at, 1e-9)
    seq, seq_rows, idx, idx_rows = (
        (b - a) / seconds for a, b in zip(old[1:5], new[1:5], strict=True)
    )
    blocks = (new.blocks - old.blocks) / seconds
    return Rates(seq, seq_rows, idx, idx_rows, new.rows, blocks)


def _thinned(looks: Sequence[Look], now: float) -> tuple[Look, ...]:
    """Drop what is too old, and of what is not recent all but two looks an hour."""
    kept: list[Look] = []
    for look in looks:
        if now - look.at > KEPT:
            continue
        is_old = now - look.at > RECENT
        if is_old and len(kept) > 1 and look.at - kept[-2].at < 0.95 * HOUR:
            continue
        kept.append(look)
    return tuple(kept)
