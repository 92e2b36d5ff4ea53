"""Relations of the clone, by the names that they have on the live server."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import Name
from alerts.migrations.traced import Held, Relation

FIRST_OF_USERS = 16384
COLUMNS = """
    c.oid::bigint                                   as oid,
    n.nspname::text                                 as schema,
    c.relname::text                                 as name,
    c.relkind::text                                 as kind,
    pg_catalog.pg_relation_filenode(c.oid)::bigint  as filenode,
    i.indrelid::bigint                              as of_table
"""
JOINED = """
    pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join pg_catalog.pg_index i on i.indexrelid = c.oid
"""
ALL = f"select {COLUMNS} from {JOINED} where c.oid >= {FIRST_OF_USERS}"  # noqa: S608
TOUCHED = f"""
    select
        l.relation::bigint                              as locked,
        l.mode                                          as mode,
        pg_catalog.pg_stat_get_xact_numscans(l.relation) as scans,
        {COLUMNS}
    from pg_catalog.pg_locks l
    left join ({JOINED}) on c.oid = l.relation
    where l.pid = pg_catalog.pg_backend_pid()
        and l.locktype = 'relation'
        and l.granted
        and l.relation >= {FIRST_OF_USERS}
"""  # noqa: S608
"""What the transaction has locked: all that it made, changed or read is among it."""
INDEXES = ("i", "I")
WITH_ROWS = ("r", "m", "p", "f")


class Known(NamedTuple):
    """Relation of the clone."""

    schema: str
    name: str
    kind: str
    filenode: int | None
    of_table: int | None


@dataclass(slots=True)
class Seen:
    """Effects of one statement, by oid."""

    locks: dict[int, LockMode] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    """Those whose file is another one."""
    scanned: set[int] = field(default_factory=set)
    made: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Relations:
    """All that were there at the beginning, and as they are now."""

    at_first: dict[int, Known]
    now: dict[int, Known]
    _held: dict[int, LockMode] = field(default_factory=dict)
    _scans: dict[int, int] = field(default_factory=dict)
    """Of the transaction that is open."""

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "Relations":
        known = _known(rows)
        return cls(known, dict(known))

    def begin(self, scans: Mapping[int, int] | None = None) -> None:
        """Forget what the last transaction has locked; `scans` were counted before this one."""
        self._held, self._scans = {}, dict(scans or {})

    def restore(self, rows: Iterable[Any]) -> None:
        """Take note of all anew, after a transaction was rolled back."""
        self.now = _known(rows)
        self.begin()

    def learn(self, rows: Iterable[Any]) -> Seen:
        """Compare what the transaction has touched with what was known before."""
        seen = Seen()
        for row in rows:
            oid, mode = row["locked"], LockMode.of(row["mode"])
            if mode > self._held.get(oid, 0):
                self._held[oid] = mode
                seen.locks[oid] = max(mode, seen.locks.get(oid, mode))
            if (row["scans"] or 0) > self._scans.get(oid, 0):
                self._scans[oid] = row["scans"]
                seen.scanned.add(oid)
            if row["oid"] is None:
                continue
            is_now, before = _one(row), self.now.get(oid)
            if before is None:
                seen.made.add(oid)
            elif before.filenode != is_now.filenode:
                seen.changed.add(oid)
            self.now[oid] = is_now
        return seen

    def was(self, oid: int) -> Relation | None:
        """Return the live name; None for what the file itself has made."""
        found = self.at_first.get(oid)
        return Relation(found.schema, found.name) if found else None

    def table_of(self, oid: int) -> int:
        """Return the table of an index, and any other relation itself."""
        known = self.now.get(oid) or self.at_first.get(oid)
        return known.of_table if known and known.of_table else oid

    def kind(self, oid: int) -> str:
        known = self.at_first.get(oid) or self.now.get(oid)
        return known.kind if known else ""

    def held(self, seen: Seen) -> tuple[Held, ...]:
        """Return the locks on tables of the live server, the strongest of each."""
        strongest: dict[tuple[Relation, str | None], Held] = {}
        for oid, mode in seen.locks.items():
            table, index = self.was(self.table_of(oid)), None
            kind = self.kind(self.table_of(oid))
            if table is None or kind == "t" or self.was(oid) is None:
                continue
            if self.kind(oid) in INDEXES:
                index = self.at_first[oid].name
            found = strongest.get((table, index))
            if found is None or found.mode < mode:
                strongest[table, index] = Held(table, mode, index, kind)
        return tuple(sorted(strongest.values(), key=lambda held: (-held.mode, held.table)))

    def already(self, names: Iterable[Name], seen: Seen) -> tuple[Relation, ...]:
        """Return the live tables of these names that earlier statements have locked.

        They go by their first names, too: a statement that renames one has the name of before.
        """
        wanted = set(names)
        found: dict[Relation | None, None] = {}
        for oid in sorted(self._held.keys() - seen.locks.keys()):
            first, last = self.at_first.get(oid), self.now.get(oid)
            called = {name for known in (first, last) if known for name in _called(known)}
            if self.kind(oid) in WITH_ROWS and called & wanted:
                found[self.was(oid)] = None
        return tuple(table for table in found if table)

    def tables(self, oids: Iterable[int], kinds: tuple[str, ...] = WITH_ROWS) -> list[Relation]:
        """Return the live tables among them, once each."""
        found = {self.was(oid): None for oid in sorted(oids) if self.kind(oid) in kinds}
        return [table for table in found if table]

    def indexed(self, oids: Iterable[int]) -> list[Relation]:
        """Return the live table of each index among them, without those of TOAST."""
        of = [self.table_of(oid) for oid in sorted(oids) if self.kind(oid) in INDEXES]
        tables = [self.was(table) for table in of if self.kind(table) != "t"]
        return [table for table in tables if table]


def _called(known: Known) -> tuple[Name, Name]:
    """Return how a statement may name it."""
    return Name(None, known.name), Name(known.schema, known.name)


def _known(rows: Iterable[Any]) -> dict[int, Known]:
    return {row["oid"]: _one(row) for row in rows}


def _one(row: Any) -> Known:
    return Known(row["schema"], row["name"], row["kind"], row["filenode"], row["of_table"])
