"""Proof: rows of one table that are locked in no order, by the keys in the text of statements.

Reason: the key in the waiter's statement names a row that the blocker holds; the key in the
blocker's statement names the row that it has continued to. Each is a step from key to key. Code
that keeps any order, by this key or by another column, never makes a cycle of steps. A step is
certain if it was waited at (no session waits for its own row), or if an earlier look, or an
earlier wait of the same transaction, shows the first row. If the blocker does not wait, it may
have returned to a row of its own, such as for a fee on the first of two accounts. So a cycle with
uncertain steps is a proof only if certain steps go in both directions as well: then the code
neither sorts by this key and returns, nor sorts by another column and does not return.

Known limits: code that sorts by another column and returns looks like code without an order,
until a return is seen. Without keys in the text (parameters) nothing is proved; pages are no
keys. Two directions alone are a hint, and so are statements of the same text that conflict on
rows.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from alerts.locks.graph.digraph import components
from alerts.locks.order.conflict import Conflict, ContestedRow, Party, Transaction, transaction_of
from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.keys import Key, key_of
from alerts.locks.order.tables import Table, is_advisory
from alerts.locks.order.target import target_of
from collectors.activity import Session

STEPS = 8_000
TABLES = 1_000
TRANSACTIONS = 2_000
ROWS = 30
"""Rows of one transaction that are remembered: a batch that locks thousands shows no more."""
LATEST = 10
"""Rows that it locked last, from which steps to the next are learned."""
INSTANT = 0.005
"""Seconds within which a statement that has to wait has begun to."""


class RowKey(NamedTuple):
    """One row, as statements name it."""

    table: Table
    key: Key


@dataclass(frozen=True, slots=True)
class KeyStep:
    one: RowKey
    other: RowKey


@dataclass(frozen=True, slots=True)
class Passage:
    """Evidence of a step: by whom, and whether nothing else can explain it."""

    party: Party
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Disorder:
    """Transactions that lock several rows of one table, as far as their order is known."""

    table: Table
    is_proved: bool
    """A circle: no order explains it."""
    upwards: float
    downwards: float
    """Steps in each direction, old ones counting for less; both 0 where there are no keys."""
    conflicts: float
    """How often statements of the same text, without keys, conflicted on rows."""
    parties: tuple[Party, Party]
    first: float
    last: float
    by_sorting: bool = False
    """Whether the proof is a statement that sorts its rows by the key, and one that does not."""


@dataclass(slots=True)
class Held:
    """Known locks of one transaction."""

    keys: dict[RowKey, None] = field(default_factory=dict)
    wants: RowKey | None = None
    since: float | None = None
    """The start of the statement by which it waited for that."""
    last: RowKey | None = None
    """Of its newest statement that was seen between two looks at the locks."""
    steps: dict[KeyStep, bool] = field(default_factory=dict)
    """Those that were learned of it, and whether they were certain: each counts once."""

    def take(self, row: RowKey) -> None:
        """Remember a row that it has locked."""
        if len(self.keys) < ROWS:
            self.keys[row] = None

    def latest(self, table: Table) -> list[RowKey]:
        """Return the rows of a table that it locked last, of those that are remembered."""
        return [row for row in self.keys if row.table == table][-LATEST:]


@dataclass(slots=True)
class RowOrder:
    steps: DecayingTable[KeyStep, Passage] = field(default_factory=lambda: DecayingTable(STEPS))
    returns: DecayingTable[Table, None] = field(default_factory=lambda: DecayingTable(TABLES))
    """Tables where transactions were seen to return to a row of their own."""
    keyless: DecayingTable[Table, tuple[Party, Party]] = field(
        default_factory=lambda: DecayingTable(TABLES)
    )
    """Tables where statements of the same text, without keys, conflicted on rows."""
    held: OrderedDict[Transaction, Held] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self.steps) + len(self.returns) + len(self.keyless) + len(self.held)

    @property
    def version(self) -> int:
        """Grows whenever conclusions may have changed."""
        return self.steps.version + self.returns.version + self.keyless.version

    def learn(self, conflict: Conflict, next_contested: ContestedRow | None, at: float) -> None:
        """`next_contested` is what the blocker itself waits for."""
        here = conflict.contested
        if not here.by_row or is_advisory(here.table):
            return
        wanted = row_key(conflict.waiter, here.table)
        if wanted is None:
            self._learn_keyless(conflict, next_contested, at)
            return
        self._learn_waiter(conflict, wanted, at)
        self._of(conflict.blocker).take(wanted)
        goes_to = row_key(conflict.blocker, here.table)
        if goes_to == wanted and next_contested is None:
            self._learn_return(conflict, at)
        elif goes_to is not None and goes_to != wanted:
            waits = (
                next_contested is not None
                and next_contested.by_row
                and next_contested.table == here.table
            )
            if waits or next_contested is None:
                self._see(
                    conflict.blocker, KeyStep(wanted, goes_to), conflict.parties[1], waits, at
                )

    def learn_statement(self, session: Session, table: Table, at: float) -> None:
        """Learn from the statement of an open transaction, between two looks at the locks."""
        target, here = target_of(session.query), row_key(session, table)
        if here is None or target is None or not target.locks_rows:
            return
        held = self._of(session)
        if here == held.last:
            return
        if here in held.keys and held.last is not None:
            self.returns.see(table, None, at)
        elif here not in held.keys and len(held.keys) < ROWS:
            waits = session.wait_event_type == "Lock"
            for one in held.latest(table):
                self._see(session, KeyStep(one, here), Party.of(session), waits, at)
        held.take(here)
        held.last = here

    def _learn_waiter(self, conflict: Conflict, wanted: RowKey, at: float) -> None:
        held = self._of(conflict.waiter)
        if held.wants and held.wants != wanted and held.since != conflict.waiter.query_start:
            held.take(held.wants)  # it has waited for that one, and got it
        held.wants, held.since = wanted, conflict.waiter.query_start
        for one in held.latest(wanted.table):
            self._see(conflict.waiter, KeyStep(one, wanted), conflict.parties[0], True, at)

    def _learn_return(self, conflict: Conflict, at: float) -> None:
        """Its present statement is about a row for which others waited before that began."""
        waiting, now = conflict.waiter.query_start, conflict.blocker.query_start
        if waiting is not None and now is not None and waiting < now - INSTANT:
            self.returns.see(conflict.contested.table, None, at)

    def _learn_keyless(
        self, conflict: Conflict, next_contested: ContestedRow | None, at: float
    ) -> None:
        waiter, blocker = conflict.parties
        here, alike = conflict.contested.table, waiter.statement == blocker.statement
        if alike and next_contested and next_contested.by_row and next_contested.table == here:
            self.keyless.see(here, (waiter, blocker), at)

    def _see(self, session: Session, step: KeyStep, party: Party, certain: bool, at: float) -> None:
        if step.one == step.other or step.one.key.kind != step.other.key.kind:
            return
        learned = self._of(session).steps
        is_enough = learned[step] >= certain if step in learned else len(learned) >= ROWS * LATEST
        if is_enough:
            return
        learned[step] = certain
        known = self.steps.get(step, at)
        certain = certain or bool(known and known.value.is_certain)
        self.steps.see(step, Passage(party, certain), at)

    def _of(self, session: Session) -> Held:
        transaction = transaction_of(session)
        held = self.held.setdefault(transaction, Held())
        self.held.move_to_end(transaction)
        while len(self.held) > TRANSACTIONS:
            self.held.popitem(last=False)
        return held

    def forget(self, dropped: Set[Table]) -> None:
        self.steps.forget(lambda step: step.one.table in dropped)
        self.returns.forget(lambda table: table in dropped)
        self.keyless.forget(lambda table: table in dropped)

    # Concluding.

    def disorders(self, now: float) -> Iterator[Disorder]:
        """One of each table that has something to be told of."""
        by_table: dict[Table, dict[KeyStep, Entry[Passage]]] = {}
        for step, entry in self.steps.alive(now):
            by_table.setdefault(step.one.table, {})[step] = entry
        for table, steps in by_table.items():
            if disorder := self._disorder(table, steps, now):
                yield disorder
        for table, met in self.keyless.alive(now):
            if table not in by_table:
                weight = met.weight_at(now)
                yield Disorder(table, False, 0, 0, weight, met.value, met.first, met.last)

    def _disorder(
        self, table: Table, steps: dict[KeyStep, Entry[Passage]], now: float
    ) -> Disorder | None:
        ways = {step: step.one.key.rises_to(step.other.key) for step in steps}
        certain = [step for step, entry in steps.items() if entry.value.is_certain]
        up = [step for step, rises in ways.items() if rises is True]
        down = [step for step, rises in ways.items() if rises is False]
        both_certain = {True, False} <= {ways[step] for step in certain}
        comes_back = self.returns.get(table, now) is not None
        circle = circular(certain)
        if not circle and both_certain and not comes_back:
            circle = circular(steps)
        if circle:
            first, second = circle[0], circle[-1]
        elif up and down:
            first, second = up[-1], down[-1]
        else:
            return None
        shown = steps[first], steps[second]
        return Disorder(
            table,
            bool(circle),
            sum(steps[step].weight_at(now) for step in up),
            sum(steps[step].weight_at(now) for step in down),
            0.0,
            (shown[0].value.party, shown[1].value.party),
            first=max(entry.first for entry in shown),
            last=max(entry.last for entry in shown),
        )


def row_key(session: Session, table: Table) -> RowKey | None:
    """The row of that table that its statement is about; None without a value in its text."""
    target, key = target_of(session.query), key_of(session.query)
    if key is None or not key.values or target is None or not target.is_of(table.name):
        return None
    return RowKey(table, key)


def circular(steps: Iterable[KeyStep]) -> list[KeyStep]:
    """Steps that lie on circles; none where all of them keep one order."""
    given = list(steps)
    number: dict[RowKey, int] = {}
    for step in given:
        for end in (step.one, step.other):
            number.setdefault(end, len(number))
    edges: list[list[int]] = [[] for _ in number]
    for step in given:
        edges[number[step.one]].append(number[step.other])
    knot_of = {
        vertex: knot
        for knot, members in enumerate(components(edges))
        if len(members) > 1
        for vertex in members
    }
    knots = ((step, knot_of.get(number[step.one])) for step in given)
    return [
        step for step, knot in knots if knot is not None and knot == knot_of.get(number[step.other])
    ]
