"""Proof: advisory locks that are taken in both orders, or both before rows and after them.

Reason: an advisory lock has a number, and pg_locks shows its holder. So each wait proves a step:
from each lock that the waiter holds to the lock that it waits for. Code that keeps any order
never makes a cycle of such steps; one cycle proves that there is no order. If all parties of the
cycle also hold another lock, that one keeps them apart, and the cycle is harmless. Steps to
smaller and to greater numbers without a cycle are a hint only: code may sort by a name that is
hashed.

Known limits: shared advisory locks are not followed. Rows count by their table; code whose rows
are never the same may look opposed, if both sides waited there with the same advisory lock.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from alerts.locks.graph import Holder
from alerts.locks.graph.digraph import components
from alerts.locks.order.advisory_numbers import AdvisoryNumbers
from alerts.locks.order.conflict import Conflict, Party, Scene, transaction_of
from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.risks import AdvisoryKey, Level, Risk, Sighting
from alerts.locks.order.tables import ADVISORY, Table, is_advisory
from collectors.locks import Lock

STEPS = 2_000
NAMED = 3
"""Locks that are told one by one; of more it is said that they have no order."""

Node: TypeAlias = "int | Table"
"""An advisory lock by its hash, or a table of which rows are locked."""
Seen = tuple[Sighting, frozenset[int]]
"""How a step was seen, and the gates that were held each time."""


@dataclass(frozen=True, slots=True)
class AdvisoryStep:
    one: Node
    other: Node


@dataclass(slots=True)
class AdvisoryOrder:
    steps: DecayingTable[AdvisoryStep, Seen] = field(default_factory=lambda: DecayingTable(STEPS))
    numbers: AdvisoryNumbers = field(default_factory=AdvisoryNumbers)
    names: dict[int, AdvisoryKey] = field(default_factory=dict)
    """Of those that were waited for."""

    def learn(
        self, scene: Scene, conflicts: Sequence[Conflict], rows: Mapping[int, Set[Table]], at: float
    ) -> None:
        """`rows` says of each party, by its pid, of which tables it has locked rows."""
        for node, waits in scene.graph.waits.items():
            if waits[0].locktype == "advisory" and waits[0].tag is not None:
                self._learn_wait(scene, node, waits[0], rows, at)
        for conflict in conflicts:
            if conflict.contested.by_row and not is_advisory(conflict.contested.table):
                seen = Sighting(
                    *conflict.parties, conflict.contested.table, conflict.contested.ctid, PROOF
                )
                gates = frozenset(_gates(scene, conflict.waiter.pid))
                for gate in gates:
                    self._see(gate, conflict.contested.table, seen, gates, at)

    def _learn_wait(
        self, scene: Scene, node: Holder, wanted: Lock, rows: Mapping[int, Set[Table]], at: float
    ) -> None:
        session = scene.sessions.get(node)
        holder = next(iter(scene.holders(node) & scene.everybody.keys()), None)
        if session is None or holder is None or wanted.tag is None:
            return
        if len(self.names) > 2 * STEPS:
            self._tidy()
        key = self.names.setdefault(wanted.tag, key_of(wanted))
        seen = Sighting(
            Party.of(scene.everybody[node]), Party.of(scene.everybody[holder]), key, None, PROOF
        )
        held = set(_held(scene, node, key.database))
        gates = frozenset(_gates(scene, node))
        self.numbers.learn(held, key, transaction_of(session), gates, seen, at)
        for one in (*gates - {wanted.tag}, *rows.get(session.pid, ())):
            self._see(one, wanted.tag, seen, gates, at)

    def _see(
        self, one: Node, other: Node, seen: Sighting, gates: frozenset[int], at: float
    ) -> None:
        step = AdvisoryStep(one, other)
        known = self.steps.get(step, at)
        self.steps.see(step, (seen, gates & known.value[1] if known else gates), at)

    def _tidy(self) -> None:
        """Forget names without a step: most who wait hold no other lock."""
        used = {end for step in self.steps.entries for end in (step.one, step.other)}
        self.names = {tag: name for tag, name in self.names.items() if tag in used}

    def risks(self, now: float) -> list[Risk]:
        """Proofs; where there is none, hints."""
        circles, numbers = list(self.opposed(now)), list(self.numbers.risks(now))
        small = {_database(one) for one in circles if _of_numbers(one) and len(one.circle) > 1}
        many = {_database(one) for one in numbers if one.level is Level.opposed}
        many -= {database for database in small if self.numbers.used(database, now) <= NAMED}
        kept = [one for one in circles if not (_of_numbers(one) and _database(one) in many)]
        told = {_database(one) for one in kept} - many
        return [*kept, *(one for one in numbers if _database(one) not in told)]

    def opposed(self, now: float) -> Iterator[Risk]:
        """One for each knot of circles: its shortest that nothing keeps from closing."""
        alive = dict(self.steps.alive(now))
        nodes = list({end: None for step in alive for end in (step.one, step.other)})
        number = {node: vertex for vertex, node in enumerate(nodes)}
        edges: list[list[int]] = [[] for _ in nodes]
        for step in alive:
            edges[number[step.one]].append(number[step.other])
        for members in components(edges):
            knot = {nodes[vertex] for vertex in members}
            circle = next(_open_circles(knot, alive), None) if len(knot) > 1 else None
            if circle:
                yield self._risk(knot, [alive[step] for step in circle], circle, now)

    def _risk(
        self,
        knot: Set[Node],
        entries: Sequence[Entry[Seen]],
        circle: Sequence[AdvisoryStep],
        now: float,
    ) -> Risk:
        ends = [self._name(step.one) for step in circle]
        if len(knot) > NAMED:
            tables = sorted({end for end in ends if isinstance(end, Table)})
            ends = [AdvisoryKey(ends[0].database, ADVISORY), *tables]
        start = ends.index(min(ends, key=lambda end: end.name))
        return Risk(
            Level.opposed,
            (*ends[start:], *ends[:start]),
            tuple(entry.value[0] for entry in entries),
            weight=min(entry.weight_at(now) for entry in entries),
            first=max(entry.first for entry in entries),
            last=max(entry.last for entry in entries),
        )

    def _name(self, node: Node) -> "AdvisoryKey | Table":
        return node if isinstance(node, Table) else self.names[node]

    def forget(self, dropped: Collection[Table]) -> None:
        self.steps.forget(lambda step: step.one in dropped or step.other in dropped)

    def __len__(self) -> int:
        return len(self.steps) + len(self.numbers)


PROOF = "a wait each way"


def _of_numbers(risk: Risk) -> bool:
    return all(isinstance(end, AdvisoryKey) for end in risk.circle)


def _database(risk: Risk) -> str:
    return risk.circle[0].database


def _gates(scene: Scene, node: Holder) -> set[int]:
    return {gate for lock in scene.locks.get(node, ()) for gate in lock.gates or ()}


def _open_circles(
    knot: Set[Node], alive: Mapping[AdvisoryStep, Entry[Seen]]
) -> Iterator[list[AdvisoryStep]]:
    """Shortest first; without those whose parties all hold one more lock that keeps them apart."""
    onward: dict[Node, list[AdvisoryStep]] = {}
    for step in alive:
        if step.one in knot and step.other in knot:
            onward.setdefault(step.one, []).append(step)
    circles = [circle for node in onward if (circle := _circle(node, onward))]
    for circle in sorted(circles, key=len):
        gates = frozenset.intersection(*(alive[step].value[1] for step in circle))
        if not gates - {step.one for step in circle}:
            yield circle


def _circle(
    start: Node, onward: Mapping[Node, Sequence[AdvisoryStep]]
) -> list[AdvisoryStep] | None:
    """The shortest way from there back to there."""
    came_by: dict[Node, AdvisoryStep] = {}
    pending = deque([start])
    while pending:
        for step in onward.get(pending.popleft(), ()):
            if step.other == start:
                path = [step]
                while path[0].one != start:
                    path.insert(0, came_by[path[0].one])
                return path
            if step.other not in came_by:
                came_by[step.other] = step
                pending.append(step.other)
    return None


def key_of(lock: Lock) -> AdvisoryKey:
    return key_named(lock.datname or "", lock.classid or 0, lock.objid or 0, lock.objsubid or 0)


def key_named(database: str, high: int, low: int, form: int) -> AdvisoryKey:
    """As code names it: one number, or a pair."""
    if form == 2:
        space, number = _signed(high, 32), _signed(low, 32)
        return AdvisoryKey(database, f"advisory lock ({space}, {number})", space, number)
    number = _signed(high << 32 | low, 64)
    return AdvisoryKey(database, f"advisory lock {number}", None, number)


def _held(scene: Scene, node: Holder, database: str) -> Iterator[AdvisoryKey]:
    for lock in scene.locks.get(node, ()):
        for numbers in lock.key_numbers or ():
            high, low, form = map(int, numbers.split())
            yield key_named(database, high, low, form)


def _signed(number: int, bits: int) -> int:
    return number - (1 << bits) if number >> (bits - 1) else number
