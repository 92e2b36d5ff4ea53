"""Load: what the statements of a server did within a window, each with its names and its text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Unjudged
from alerts.cure import equals, identifier
from alerts.snapshot import Snapshot
from alerts.statements.history import STATEMENTS, StatementUses
from alerts.statements.texts import STATEMENT_TEXTS, StatementTexts
from alerts.statements.uses import Key, Use, Uses
from alerts.units import duration_text
from collectors.extensions import extensions
from collectors.settings import settings

ENOUGH = 0.95
"""Share of a window that must be seen."""
BLOCK = 8192
"""Bytes of a block, unless the server was built otherwise."""
NAME = "pg_stat_statements"
BRIEF = 70
"""Characters of a statement in a sentence."""
FIRST_WORD = re.compile(r"[( ]*([A-Za-z]*)")
QUERIES = frozenset({"select", "insert", "update", "delete", "merge", "values", "with", "table"})
"""First words of statements that the planner optimises; others load, dump or maintain."""
Fact = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Ran:
    """A statement that was executed."""

    key: Key
    use: Use
    user: str
    database: str | None
    text: str | None
    """As it may be shown; None if it was not read yet."""
    share: float
    """Of the execution time of all statements."""
    seconds: float
    """Of the window that was seen."""

    @property
    def query_id(self) -> str:
        return str(self.key[2])

    @property
    def identity(self) -> str:
        """Key of its evidence."""
        return "/".join(map(str, self.key))

    @property
    def subject(self) -> str:
        return f"query {self.query_id} of {self.user}"

    @property
    def brief(self) -> str:
        """Name it in a sentence."""
        if not self.text:
            return f"The statement with the query id {self.query_id}"
        short = self.text if len(self.text) <= BRIEF else f"{self.text[:BRIEF].rstrip()} …"
        return f"`{short}`"

    @property
    def mean(self) -> float:
        """Seconds of an execution."""
        return self.use.each("seconds")

    @property
    def first_word(self) -> str:
        found = FIRST_WORD.match(self.text or "")
        return found[1].lower() if found else ""

    @property
    def is_query(self) -> bool:
        """Whether the planner optimises it; assumed as long as its text is not known."""
        return not self.text or self.first_word in QUERIES

    def facts(self) -> Mapping[str, Fact]:
        """Return what is told of any statement."""
        return {
            "query_id": self.query_id,
            "statement": self.text,
            "user": self.user,
            "calls": round(self.use.calls),
            "mean_seconds": self.mean,
            "load_share": self.share,
            "window_seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Load:
    """Load of all statements within a window."""

    uses: Uses
    seen: StatementUses
    texts: StatementTexts
    total: float
    """Seconds that all statements of clients took."""
    block: int
    """Bytes of a block."""
    schemas: Mapping[str, str]
    """By database, the schema in which the extension is installed there, as far as it is known."""

    @classmethod
    def of(cls, snapshot: Snapshot, window: timedelta) -> "Load | Unjudged":
        """Return the load, or since when enough of it will be known. Raises Unknown."""
        seen, wanted = snapshot.of(STATEMENTS), window.total_seconds()
        uses = seen.over(window)
        if uses is None or uses.seconds < wanted * ENOUGH:
            begun = snapshot.at if seen.begun is None else uses.begun if uses else seen.begun
            return Unjudged(
                f"statements were not watched for {duration_text(window)} yet",
                until=begun + wanted,
            )
        if not uses:  # own queries are counted like all others
            return Unjudged(f"no statement was counted within {duration_text(window)}")
        return cls.seen_in(snapshot, uses)

    @classmethod
    def seen_in(cls, snapshot: Snapshot, uses: Uses) -> "Load":
        """Return the load of a window, however short it is."""
        texts = snapshot.of(STATEMENT_TEXTS)
        total = uses.own_seconds
        seen, block = snapshot.of(STATEMENTS), block_bytes(snapshot)
        return cls(uses, seen, texts, total, block, schemas(snapshot))

    @property
    def sessions(self) -> float:
        """Mean number of sessions that executed a statement."""
        return self.total / self.uses.seconds if self.uses.seconds else 0.0

    def top(self, name: str, count: int) -> Iterator[Ran]:
        """Yield the statements with the most of one counter, the first the largest."""
        for key, use in self.uses.top(name, count):
            yield self.ran(key, use)

    def ran(self, key: Key, use: Use) -> Ran:
        userid, dbid, query_id = key
        return Ran(
            key,
            use,
            self.seen.users.get(userid, str(userid)),
            self.seen.databases.get(dbid),
            self.texts.shown(query_id),
            use.own_seconds / self.total if self.total > 0 else 0.0,
            self.uses.seconds,
        )

    def check(self, ran: Ran) -> str:
        """Return a query that shows what the server has counted; empty where it can't run."""
        schema = self.schemas.get(ran.database or "")
        if schema is None:
            return ""
        userid, dbid, query_id = ran.key
        return (
            "SELECT calls, mean_exec_time, rows, shared_blks_hit, shared_blks_read, query"
            f" FROM {identifier(schema, NAME)} WHERE {equals('queryid', query_id)}"
            f" AND {equals('userid', userid)} AND {equals('dbid', dbid)};"
        )

    def trend(self, key: Key) -> Sequence[float]:
        """Return the seconds of execution a second in each whole window, the oldest first."""
        return [
            window[key].seconds / window.seconds if key in window else 0.0
            for window in self.seen.closed
        ]


def block_bytes(snapshot: Snapshot) -> int:
    """Return the size of a block."""
    known = snapshot.answer(settings).by("name") if snapshot.has(settings) else {}
    row = known.get("block_size")
    return int(row.number) if row is not None and row.number else BLOCK


def schemas(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the schema of the extension, by the database in which it is."""
    rows = snapshot.rows(extensions) if snapshot.has(extensions) else ()
    return {row.datname: row.schemaname for row in rows if row.extname == NAME}


def number(snapshot: Snapshot, name: str) -> float | None:
    """Return a setting in its base unit, where it is known."""
    known = snapshot.answer(settings).by("name") if snapshot.has(settings) else {}
    row = known.get(name)
    return None if row is None else row.number
