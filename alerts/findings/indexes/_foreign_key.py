"""A foreign key without an index, over all partitions of its table, and the index it lacks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from alerts.cure import concurrently, equals, identifier, plain_ddl, regclass, remark
from alerts.findings.indexes._drop import place
from collectors.unindexed_foreign_keys import UnindexedForeignKey

MOST_PARTITIONS = 50
"""Number of partitions up to which a statement is printed for each."""
SUFFIX = "_fk_idx"
LONGEST = 63 - len(SUFFIX)
"""Bytes of a name before that."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Its parts are the partitions that lack the index; a plain table is the only part."""

    parts: tuple[UnindexedForeignKey, ...]

    @property
    def first(self) -> UnindexedForeignKey:
        return self.parts[0]

    @property
    def path(self) -> tuple[str, str]:
        first = self.first
        return first.root_schemaname or first.schemaname, first.root_relname or first.relname

    @property
    def table(self) -> str:
        return identifier(*self.path)

    @property
    def parent(self) -> str:
        return identifier(self.first.parent_schemaname, self.first.parent_relname)

    @property
    def columns(self) -> str:
        return ", ".join(map(identifier, self.first.attnames))

    @property
    def name(self) -> str:
        return f"{self.table} ({self.columns})"

    @property
    def rows(self) -> float:
        return sum(max(0.0, part.table_rows) for part in self.parts)

    def cure(self) -> tuple[str, ...]:
        """Return the statements that create its index."""
        if self.first.root_relid is None:
            return (place(self.first.datname), *built_once(*self.path, self.first.attnames))
        return (place(self.first.datname), *self._partitioned())

    def _partitioned(self) -> Iterator[str]:
        yield remark("One partition after the other, then the partitioned table takes them over:")
        for part in self.parts[:MOST_PARTITIONS]:
            yield from built_once(part.schemaname, part.relname, self.first.attnames)
        if len(self.parts) > MOST_PARTITIONS:
            more = len(self.parts) - MOST_PARTITIONS
            yield remark(f"Do the same for {more} further partitions before you go on.")
        name = identifier(index_name(self.path[1], self.first.attnames))
        yield from plain_ddl(f"CREATE INDEX IF NOT EXISTS {name} ON {self.table} ({self.columns});")

    def check(self) -> str:
        """Return a query that shows the use of both tables."""
        child, parent = regclass(*self.path), regclass(*self._parent_path)
        return (
            "SELECT relid::pg_catalog.regclass, n_live_tup, n_tup_del, n_tup_upd, seq_scan,"
            " seq_tup_read FROM pg_catalog.pg_stat_user_tables"
            f" WHERE {equals('relid', child)} OR {equals('relid', parent)};"
        )

    @property
    def _parent_path(self) -> tuple[str, str]:
        return self.first.parent_schemaname, self.first.parent_relname


def built(table: str, keys: str) -> tuple[str, ...]:
    """Return statements that build an index while the table is in use."""
    return concurrently(
        f"CREATE INDEX CONCURRENTLY ON {table} ({keys});",
        "the index is invalid; drop it with DROP INDEX CONCURRENTLY, then build it again.",
    )


def built_once(schema: str, relname: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the same with a name, as several findings print it: pasted twice it is built once."""
    name = index_name(relname, columns)
    return concurrently(
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {identifier(name)}"
        f" ON {identifier(schema, relname)} ({', '.join(map(identifier, columns))});",
        f"the index is invalid; DROP INDEX CONCURRENTLY {identifier(schema, name)}; then build it"
        " again.",
    )


def index_name(relname: str, columns: Sequence[str]) -> str:
    """Return a name for the index that others hardly have, within the length of a name."""
    name = "_".join((relname, *columns)).encode()
    if len(name) > LONGEST:
        mark = blake2b(name, digest_size=4).hexdigest()
        name = name[: LONGEST - len(mark) - 1] + b"_" + mark.encode()
    return name.decode(errors="ignore") + SUFFIX


def foreign_keys(rows: Iterable[UnindexedForeignKey]) -> list[ForeignKey]:
    """Join the partitions of each foreign key; two keys on the same columns are one."""
    groups = defaultdict[tuple[object, ...], dict[int, UnindexedForeignKey]](dict)
    for row in rows:
        whole = row.datname, row.root_relid or row.relid, tuple(sorted(row.attnames))
        groups[whole].setdefault(row.relid, row)
    return [ForeignKey(tuple(parts.values())) for parts in groups.values()]
