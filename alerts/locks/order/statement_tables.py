"""Signal: the tables in which a statement locks rows, learned from waits of the same text.

Reason: the first words of a statement name one table at most. A trigger, a foreign key, WITH or a
function lock rows of others. But a wait for a row shows its table, and all statements of the same
text do the same. A function of several tables shows its order: it waits at one of them while it
holds another.

Known limits: a text that waited at two tables stands for no single table. A function whose
argument selects the table shows its order only if all callers keep one.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.tables import Table
from alerts.query_text import normalised
from collectors.activity import Session

TEXTS = 4_000

Code = tuple[str | None, str]
"""Database, and text without its values."""


@dataclass(frozen=True, slots=True)
class CodeWait:
    code: Code
    table: Table


@dataclass(frozen=True, slots=True)
class CodeStep:
    """A statement went from one table to another by itself."""

    code: Code
    one: Table
    other: Table


@dataclass(slots=True)
class StatementTables:
    waited: DecayingTable[CodeWait, bool] = field(default_factory=lambda: DecayingTable(TEXTS))
    """Where statements of this text had to wait; and whether it was to change the row."""
    tables: dict[Code, frozenset[Table]] = field(default_factory=dict)
    """The same by text."""
    steps: DecayingTable[CodeStep, frozenset[int]] = field(
        default_factory=lambda: DecayingTable(TEXTS)
    )
    """With the gates that were held each time."""

    def learn(self, session: Session, table: Table, changes: bool, at: float) -> None:
        """It waits for a row of that table."""
        code = code_of(session)
        if code is None:
            return
        wait = CodeWait(code, table)
        known = self.waited.get(wait, at)
        self.waited.see(wait, changes or (known is not None and known.value), at)
        if len(self.tables) > TEXTS:
            self._tidy()
        self.tables[code] = self.tables.get(code, frozenset()) | {table}

    def learn_step(
        self, session: Session, one: Table, other: Table, gates: frozenset[int], at: float
    ) -> None:
        """It holds rows of one table and waits at the other, all by one statement."""
        code = code_of(session)
        if code is None or not is_whole(session):
            return
        step = CodeStep(code, one, other)
        known = self.steps.get(step, at)
        self.steps.see(step, gates & known.value if known else gates, at)

    def table_of(self, session: Session) -> Table | None:
        """The only table at which statements like its own were seen to wait."""
        code = code_of(session)
        tables = self.tables.get(code, frozenset()) if code else frozenset()
        return next(iter(tables)) if len(tables) == 1 else None

    def changes(self, session: Session, table: Table, at: float) -> bool:
        """Whether statements like its own waited there to change rows."""
        code = code_of(session)
        known = self.waited.get(CodeWait(code, table), at) if code else None
        return known is not None and known.value

    def onward(
        self, session: Session, here: Table, gates: frozenset[int], at: float
    ) -> Iterator[Table]:
        """Where its statement goes to from here by itself, and never comes from."""
        code = code_of(session)
        if code is None:
            return
        for table in self.tables.get(code, frozenset()) - {here}:
            step = self.steps.get(CodeStep(code, here, table), at)
            back = self.steps.get(CodeStep(code, table, here), at)
            if step and not back and not step.value & gates:
                yield table

    def forget(self, dropped: Collection[Table]) -> None:
        self.waited.forget(lambda wait: wait.table in dropped)
        self.steps.forget(lambda step: step.one in dropped or step.other in dropped)
        self._tidy()

    def _tidy(self) -> None:
        self.tables = {}
        for wait in self.waited.entries:
            self.tables[wait.code] = self.tables.get(wait.code, frozenset()) | {wait.table}

    def __len__(self) -> int:
        return len(self.waited) + len(self.steps)


def code_of(session: Session) -> Code | None:
    text = _text(session.query) if session.query else None
    return (session.datname, text) if text else None


def is_whole(session: Session) -> bool:
    """Whether its statement is all that the transaction has done: both began together."""
    began, now = session.xact_seconds, session.query_seconds
    return began is not None and now is not None and began - now < INSTANT


INSTANT = 0.005


@lru_cache(maxsize=4096)
def _text(query: str) -> str | None:
    return normalised(query)
