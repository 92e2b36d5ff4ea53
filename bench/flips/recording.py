"""Recording: what the counters of a real server grew by in each window of quiet times.

Collectors stand in it by name, so that it can be handed to another process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from collectors._base import Answer, AnyCollector
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables

NO_COUNTERS = {
    *("userid", "dbid", "query_id", "usename", "datname", "min_seconds", "max_seconds"),
    *("stats_reset", "entries", "stats_since"),
}
COUNTERS: Mapping[str, tuple[str, ...]] = {
    stat_statements.name: tuple(f.name for f in fields(Statement) if f.name not in NO_COUNTERS),
    user_tables.name: (
        *("seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch"),
        *("heap_blocks_read", "heap_blocks_hit", "idx_blocks_read", "idx_blocks_hit"),
    ),
    user_indexes.name: ("idx_scan", "idx_tup_read", "idx_tup_fetch"),
}
TIMES = ("last_vacuum", "last_autovacuum", "last_analyze", "last_autoanalyze")
"""Of tables, by the quickened clock."""
READ = {name: attrgetter(*names) for name, names in COUNTERS.items()}
ROWS = {stat_statements.name: Statement, user_tables.name: UserTable, user_indexes.name: UserIndex}
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """What happened within two minutes."""

    at: float
    grown: Mapping[str, Mapping[Key, tuple[float, ...]]]
    """The increase of each counter, of the rows in which one has grown."""
    rows: Mapping[str, Mapping[Key, Any]]
    """The rows at its end, of those that have changed."""
    plans: Mapping[str, str] = field(default_factory=dict)
    """How each statement of the noise would be executed at its end."""


@dataclass
class Recording:
    """Windows of one server, in pieces of the same mood."""

    pieces: list[tuple[str, list[Window]]] = field(default_factory=list)
    constant: dict[str, Sequence[Any]] = field(default_factory=dict)
    """Answers that are the same all the time."""
    texts: dict[int, Any] = field(default_factory=dict)
    """Rows of statement_texts, by query id."""
    first: dict[str, dict[Key, Any]] = field(default_factory=dict)
    """The rows before all windows."""
    _newest: dict[str, dict[Key, Any]] = field(default_factory=dict)

    def begin(self, mood: str) -> None:
        """Begin a piece: what was counted since the last one belongs to none."""
        self._newest = {}
        self.pieces.append((mood, []))

    def add(self, answers: Mapping[AnyCollector, Answer[Any]], plans: Mapping[str, str]) -> None:
        """Add a window; the first one of a piece is only the beginning of the next."""
        now = {
            one.name: {one.key_of(row): row for row in answer.rows}
            for one, answer in answers.items()
            if one.name in COUNTERS
        }
        if self._newest:
            grown = {one: _grown(one, self._newest[one], rows) for one, rows in now.items()}
            changed = {
                one: {key: row for key, row in rows.items() if row != self._newest[one].get(key)}
                for one, rows in now.items()
            }
            at = answers[stat_statements].at
            self.pieces[-1][1].append(Window(at, grown, changed, plans))
        self.first, self._newest = self.first or now, now
        for collector, answer in answers.items():
            if collector is not statement_texts and collector.name not in COUNTERS:
                self.constant[collector.name] = list(answer.rows)


def _grown(
    name: str, old: Mapping[Key, Any], new: Mapping[Key, Any]
) -> dict[Key, tuple[float, ...]]:
    read, found = READ[name], dict[Key, tuple[float, ...]]()
    for key, row in new.items():
        now = read(row)
        before = read(old[key]) if key in old else (0,) * len(now)
        steps = tuple((n or 0) - (b or 0) for n, b in zip(now, before, strict=True))
        if any(steps):
            found[key] = steps
    return found
