"""Proof: rows of one table that are locked in no order, by keys that may be read.

Reason: a row version names in its xmax the transaction that holds it. So where the key may be read,
each look shows which rows every transaction holds, whatever its statements are. What it holds now
and did not hold a moment ago came later; what a session waits for comes after all that it holds.
These steps are certain. Code that keeps any order, by this key or by another column, never makes a
cycle of them. Code behind a gate may: so a cycle is a proof only where one transaction with several
rows has waited for another one with several rows of that table. A gate prevents just that. One
step downwards is a proof too, if its statement conflicts with one that sorts its rows by the key
(`sorted_statements`).

Known limits: a foreign key is checked under a lock that keeps no other update away. So
transactions that have written a table with a foreign key to this one count only by their waits. A
row that several transactions share does not show who they are. Of large tables only rows that are
waited for are read, and nothing is known of what else is held.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from alerts.locks.order.advisory_order import key_named
from alerts.locks.order.conflict import Party
from alerts.locks.order.decay import DecayingTable
from alerts.locks.order.keys import Key
from alerts.locks.order.risks import AdvisoryKey, Level, Risk, Sighting
from alerts.locks.order.row_order import Disorder, KeyStep, RowKey
from alerts.locks.order.sorted_statements import sorted_by
from alerts.locks.order.tables import ADVISORY, Table, Tables, advisory, is_advisory
from collectors.held_rows import HeldRow

STEPS = 4_000
TABLES = 1_000
MOST = 6
"""Rows of one transaction, held before and after, from which steps are learned at once."""
LATELY = 3_600.0
"""Seconds within which all steps of a cycle were seen: code and its order may change."""
KIND = "key"
PROOF = "a circle of keys"

Ctid = tuple[int, int]
Held = Mapping[str, Set[str]]
"""Keys by transaction."""


Where = tuple[str, int | None]
"""Database and OID of the table; None: advisory locks."""


@dataclass(frozen=True, slots=True)
class RowWait:
    """One transaction waits for a row of another, or for an advisory lock."""

    where: Where
    what: Ctid | str | None
    """The row, or the key of an advisory lock; None: some row of that table."""
    waiter: str
    blocker: str
    """As pg_locks calls them: virtualtransaction."""


@dataclass(slots=True)
class HeldOrder:
    steps: DecayingTable[KeyStep, Party] = field(default_factory=lambda: DecayingTable(STEPS))
    onward: dict[RowKey, dict[RowKey, None]] = field(default_factory=dict)
    """The same steps, by where they begin."""
    cycles: DecayingTable[Table, tuple[Party, Party]] = field(
        default_factory=lambda: DecayingTable(TABLES)
    )
    met: DecayingTable[Table, None] = field(default_factory=lambda: DecayingTable(TABLES))
    """Where one transaction with several rows waited for another."""
    unsorted: DecayingTable[tuple[Table, str], Party] = field(
        default_factory=lambda: DecayingTable(TABLES)
    )
    """Statements that were in conflict with one that sorts its rows by the key, and that one."""

    def __len__(self) -> int:
        return len(self.steps) + len(self.cycles) + len(self.met) + len(self.unsorted)

    @property
    def version(self) -> int:
        known = self.steps, self.cycles, self.met, self.unsorted
        return sum(table.version for table in known)

    def learn(
        self,
        rows: Sequence[HeldRow],
        waits: Sequence[RowWait],
        parties: Mapping[int, Party],
        tables: Tables,
        at: float,
    ) -> None:
        """`waits` are those of the newest look at the locks, which came just before these rows."""
        read: dict[Where, list[HeldRow]] = {}
        for row in rows:
            read.setdefault((row.datname, row.relid), []).append(row)
        tables.learn((database, oid) for database, oid in read if oid is not None)
        for where, held in read.items():
            database, oid = where
            table = advisory(database) if oid is None else tables.table(database, oid)
            if table:
                here = [wait for wait in waits if wait.where == where]
                self._learn(_Shown(table, held, parties), here, at)

    def _learn(self, shown: "_Shown", waits: Sequence[RowWait], at: float) -> None:
        for before, after in shown.pairs():
            for transaction, keys in after.items():
                had = before.get(transaction, frozenset())
                self._see(shown, transaction, had & keys, keys - had, at)
        awaits = {wait.waiter: key for wait in waits if (key := shown.awaited(wait))}
        for wait in waits:
            had = shown.first.get(wait.waiter, frozenset())
            if shown.has_several(wait):
                if had:
                    self.met.see(shown.table, None, at)
                self._learn_sorting(shown, wait, at)
            if (wanted := awaits.get(wait.waiter)) is None:
                continue
            self._see(shown, wait.waiter, had, {wanted}, at)
            onward = awaits.get(wait.blocker)
            if onward:
                self._see(shown, wait.blocker, {wanted}, {onward}, at)
                self.met.see(shown.table, None, at)

    def _see(
        self, shown: "_Shown", transaction: str, had: Set[str], then: Set[str], at: float
    ) -> None:
        party = shown.party(transaction)
        if party is None:
            return
        for one in sorted(had)[:MOST]:
            for other in sorted(then)[:MOST]:
                if one != other:
                    self._learn_step(KeyStep(shown.row(one), shown.row(other)), party, at)

    def _learn_sorting(self, shown: "_Shown", wait: RowWait, at: float) -> None:
        """One of them may sort its rows, and the other not."""
        parties = shown.party(wait.waiter), shown.party(wait.blocker)
        for one, other in (parties, parties[::-1]):
            if one and other and other.statement and shown.sorts(one) and not shown.sorts(other):
                self.unsorted.see((shown.table, other.statement), one, at)

    def _learn_step(self, step: KeyStep, party: Party, at: float) -> None:
        known = self.steps.entries.get(step)
        is_new = known is None or known.last < at - LATELY
        self.steps.see(step, party, at)
        self.onward.setdefault(step.one, {})[step.other] = None
        if len(self.onward) > 2 * STEPS:
            self._tidy()
        if is_new and (last := self._way_back(step, at)):
            self.cycles.see(step.one.table, (party, self.steps.entries[last].value), at)

    def _way_back(self, step: KeyStep, at: float) -> KeyStep | None:
        """The last step of a way from its end to its beginning."""
        came_from: set[RowKey] = {step.other}
        pending = deque([step.other])
        while pending:
            one = pending.popleft()
            for other in self.onward.get(one, ()):
                back = KeyStep(one, other)
                entry = self.steps.get(back, at)
                if entry is None or entry.last < at - LATELY:
                    continue
                if other == step.one:
                    return back
                if other not in came_from:
                    came_from.add(other)
                    pending.append(other)
        return None

    def forget(self, dropped: Collection[Table]) -> None:
        self.steps.forget(lambda step: step.one.table in dropped)
        self.cycles.forget(lambda table: table in dropped)
        self.met.forget(lambda table: table in dropped)
        self.unsorted.forget(lambda where: where[0] in dropped)
        self._tidy()

    def _tidy(self) -> None:
        self.onward = {}
        for step in self.steps.entries:
            self.onward.setdefault(step.one, {})[step.other] = None

    # Concluding.

    def risks(self, now: float) -> Iterator[Risk]:
        """Advisory locks that are proved to be taken in no order."""
        for table, cycle in self.cycles.alive(now):
            if is_advisory(table) and self.met.get(table, now):
                one, other = cycle.value
                key = AdvisoryKey(table.database, ADVISORY)
                yield Risk(
                    Level.opposed,
                    (key,),
                    (Sighting(one, other, key, None, PROOF),),
                    cycle.weight_at(now),
                    cycle.first,
                    cycle.last,
                )

    def disorders(self, now: float) -> Iterator[Disorder]:
        """One of each table that has something to be told of."""
        ways: dict[Table, dict[bool, list[KeyStep]]] = {}
        for step, _ in self.steps.alive(now):
            rises = step.one.key.rises_to(step.other.key)
            if rises is not None:
                both: dict[bool, list[KeyStep]] = {True: [], False: []}
                ways.setdefault(step.one.table, both)[rises].append(step)
        cycles = dict(self.cycles.alive(now))
        for table in dict.fromkeys((*ways, *cycles)):
            if is_advisory(table):
                continue
            up, down = (ways.get(table, {}).get(rises, []) for rises in (True, False))
            proved = cycles.get(table) if self.met.get(table, now) else None
            against = None if proved else self._against_sorting(table, down, now)
            if proved:
                parties, first, last = proved.value, proved.first, proved.last
            elif against:
                parties, first, last = against
            elif up and down and self.met.get(table, now):
                shown = self.steps.entries[up[-1]], self.steps.entries[down[-1]]
                parties = shown[0].value, shown[1].value
                first, last = max(s.first for s in shown), max(s.last for s in shown)
            else:
                continue
            weights = self._weight(up, now), self._weight(down, now)
            is_proved, by_sorting = bool(proved or against), against is not None
            yield Disorder(
                table, is_proved, *weights, 0.0, parties, first, last, by_sorting=by_sorting
            )

    def _against_sorting(
        self, table: Table, down: Iterable[KeyStep], now: float
    ) -> tuple[tuple[Party, Party], float, float] | None:
        """A step downwards by a statement that conflicts with one that sorts upwards; and when."""
        for step in down:
            seen = self.steps.entries[step]
            sorting = self.unsorted.get((table, seen.value.statement or ""), now)
            if sorting:
                first, last = max(seen.first, sorting.first), max(seen.last, sorting.last)
                return (sorting.value, seen.value), first, last
        return None

    def _weight(self, steps: Iterable[KeyStep], now: float) -> float:
        return sum(self.steps.entries[step].weight_at(now) for step in steps)


@dataclass(slots=True)
class _Shown:
    """Reading of one table: exposures within milliseconds."""

    table: Table
    rows: Sequence[HeldRow]
    parties: Mapping[int, Party]
    exposures: list[dict[str, set[str]]] = field(init=False)
    """Who held what, without those that may hold it for a foreign key only."""
    pids: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.exposures = [{} for _ in range(1 + max(row.exposure for row in self.rows))]
        self.pids = {row.transaction: row.pid for row in self.rows}
        for row in self.rows:
            if not row.is_weak:
                self.exposures[row.exposure].setdefault(row.transaction, set()).add(row.key)

    @property
    def first(self) -> Held:
        return self.exposures[0]

    def pairs(self) -> Iterable[tuple[Held, Held]]:
        return zip(self.exposures, self.exposures[1:], strict=False)

    def sorts(self, party: Party) -> bool:
        """Whether its statement locks rows in the order of their key."""
        column = self.rows[0].column
        return column is not None and sorted_by(party.statement) == column

    def awaited(self, wait: RowWait) -> str | None:
        """The key of the row, if that is still held by the same transaction."""
        for row in self.rows:
            what = row.key if row.page is None else (row.page, row.line_pointer)
            if row.exposure == 0 and wait.what is not None and what == wait.what:
                return row.key if row.transaction == wait.blocker else None
        return None

    def has_several(self, wait: RowWait) -> bool:
        """Whether the blocker holds several, as long as the waiter has come no further."""
        if wait.what is not None and self.awaited(wait) is None:
            return False
        for held in self.exposures:
            if held.get(wait.waiter) != self.first.get(wait.waiter):
                return False
            if len(held.get(wait.blocker, ())) > 1:
                return True
        return False

    def row(self, key: str) -> RowKey:
        if not is_advisory(self.table):
            return RowKey(self.table, Key(KIND, (key,)))
        named = key_named(self.table.database, *map(int, key.split()))
        return RowKey(self.table, Key(f"{KIND} {named.space}", (str(named.number),)))

    def party(self, transaction: str) -> Party | None:
        pid = self.pids.get(transaction)
        return self.parties.get(pid) if pid is not None else None
