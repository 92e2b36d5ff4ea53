"""Proof: advisory locks whose numbers are taken in no order, from waits with another lock in hand.

Reason: a session that waits for one number and holds another shows a step, up or down. Code that
sorts goes one way. Code with two classes of numbers, such as parents before children, may sort
within each: then all steps against its way lead over one border between the classes. If no border
explains the steps, the numbers are in no order.

Known limits: numbers that are large may be hashes of names that are sorted, so they are never a
proof, and neither are numbers outside of those that sessions wait for: a worker may hold one of
its own for as long as it lives. Code that sorts by something else than the number looks like code
without an order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from alerts.locks.order.conflict import Transaction
from alerts.locks.order.decay import DecayingTable, Entry
from alerts.locks.order.risks import AdvisoryKey, Level, Risk, Sighting
from alerts.locks.order.tables import ADVISORY

KEPT = 2_000
HASHED = 1 << 24
"""Greater numbers may be hashes. One hash in 128 is smaller."""

Space = tuple[str, int | None]
"""Database, and the first number of pairs."""


@dataclass(frozen=True, slots=True)
class Move:
    """A session with one number waited for the other."""

    space: Space
    one: int
    other: int

    @property
    def rises(self) -> bool:
        return self.other > self.one


class Moved(NamedTuple):
    seen: Sighting
    who: Transaction
    gates: frozenset[int]
    """That were held each time."""


@dataclass(slots=True)
class AdvisoryNumbers:
    moves: DecayingTable[Move, Moved] = field(default_factory=lambda: DecayingTable(KEPT))
    """Each counts once in a transaction."""
    awaited: DecayingTable[tuple[Space, int], None] = field(
        default_factory=lambda: DecayingTable(KEPT)
    )

    def __len__(self) -> int:
        return len(self.moves) + len(self.awaited)

    def learn(
        self,
        held: Iterable[AdvisoryKey],
        wanted: AdvisoryKey,
        who: Transaction,
        gates: frozenset[int],
        seen: Sighting,
        at: float,
    ) -> None:
        """A transaction holds these, and all `gates`, and waits for another."""
        space = wanted.database, wanted.space
        self.awaited.see((space, wanted.number), None, at)
        for key in held:
            if (key.database, key.space) == space and key.number != wanted.number:
                move = Move(space, key.number, wanted.number)
                known = self.moves.get(move, at)
                if known is None or known.value.who != who:
                    held_too = gates & known.value.gates if known else gates
                    self.moves.see(move, Moved(seen, who, held_too), at)

    def used(self, database: str, now: float) -> int:
        """Return how many numbers took part in steps."""
        moves = [move for move, _ in self.moves.alive(now) if move.space[0] == database]
        return len({end for move in moves for end in (move.one, move.other)})

    def risks(self, now: float) -> Iterator[Risk]:
        """One for each space with steps up and down: a proof, or a hint."""
        awaited: dict[Space, list[int]] = {}
        for (space, number), _ in self.awaited.alive(now):
            awaited.setdefault(space, []).append(number)
        moves: dict[Space, dict[Move, Entry[Moved]]] = {}
        for move, entry in self.moves.alive(now):
            moves.setdefault(move.space, {})[move] = entry
        for space, steps in moves.items():
            ups = [move for move in steps if move.rises]
            downs = [move for move in steps if not move.rises]
            if not (ups and downs):
                continue
            low, high = min(awaited.get(space, [0])), max(awaited.get(space, [0]))
            shared = [move for move in steps if low <= move.one <= high]
            gated = frozenset.intersection(*(entry.value.gates for entry in steps.values()))
            hashed = max(abs(low), abs(high)) >= HASHED
            proved = not gated and not hashed and is_without_order(shared)
            ways = [steps[move] for move in ups], [steps[move] for move in downs]
            yield Risk(
                Level.opposed if proved else Level.both_ways,
                (AdvisoryKey(space[0], ADVISORY, space[1]),),
                tuple(way[-1].value.seen for way in ways),
                weight=min(sum(entry.weight_at(now) for entry in way) for way in ways),
                first=max(way[-1].first for way in ways),
                last=max(way[-1].last for way in ways),
            )


def is_without_order(moves: Sequence[Move]) -> bool:
    """Whether neither sorting explains them, up or down, not even of two classes of numbers."""
    return not _explained([(move.one, move.other) for move in moves]) and not _explained(
        [(-move.one, -move.other) for move in moves]
    )


def _explained(steps: Sequence[tuple[int, int]]) -> bool:
    """Whether all steps go up, or lead down over one border that no step up crosses."""
    downs = [(one, other) for one, other in steps if other < one]
    if not downs:
        return True
    # A border lies between two numbers: it belongs to the greater one.
    low, high = max(other for _, other in downs) + 1, min(one for one, _ in downs)
    ups = [(one, other) for one, other in steps if other > one]
    borders = {low, *(one + 1 for one, _ in ups), *(other + 1 for _, other in ups)}
    return any(
        low <= border <= high and not any(one < border <= other for one, other in ups)
        for border in borders
    )
