"""Members of multixacts: how many of the 2^32 entries are in use.

PostgreSQL tells where the next members are written, not where the oldest begin. So that is kept
for each checkpoint, until the oldest multixact that is needed lies within what was kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.history.kind import SingleHistory
from alerts.history.memory import Json, Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors.multixacts import Multixacts, multixacts

SPACE = 2**32
"""Entries; before 19."""
KEPT = 256
"""Checkpoints; beyond that the older half is thinned."""
STEPS = "steps"
Step = tuple[int, int]
"""A multixact ID, and where its members begin."""


@dataclass(frozen=True, slots=True)
class Members:
    """Offsets at which the members of known multixacts begin, the oldest first."""

    steps: Sequence[Step]

    def used(self, now: Multixacts) -> int | None:
        """Return the number of entries in use; None while that can't be known."""
        if now.oldest_mxid == now.next_mxid:
            return 0
        if now.oldest_mxid == 1:  # none was ever removed
            return now.next_member
        first = self._offset_of(now.oldest_mxid, now.next_mxid)
        return None if first is None else (now.next_member - first) % SPACE

    def _offset_of(self, mxid: int, next_mxid: int) -> int | None:
        """Interpolate between the two nearest known ones; IDs are compared by their age."""
        age = (next_mxid - mxid) % SPACE
        aged = [((next_mxid - known) % SPACE, offset) for known, offset in self.steps]
        older = [step for step in aged if step[0] >= age]
        younger = [step for step in aged if step[0] <= age]
        if not older or not younger:
            return None
        (before, begin), (after, end) = min(older), max(younger)
        share = (before - age) / (before - after) if before > after else 0.0
        return (begin + round(share * ((end - begin) % SPACE))) % SPACE


class MemberOffsets(SingleHistory[Members]):
    """The offsets of members at each checkpoint."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (multixacts,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "MemberOffsetsRecorder":
        return MemberOffsetsRecorder(memory, namespace.of("runway.members"))


OFFSETS = MemberOffsets()


class MemberOffsetsRecorder:
    """Keeps the steps in memory; those before the oldest multixact are dropped, but one."""

    def __init__(self, memory: Memory, namespace: Namespace) -> None:
        self.memory, self.namespace = memory, namespace
        self.known = Members(_steps(memory.get(namespace, STEPS)))

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        for row in answer.rows:
            step = (row.next_mxid, row.next_member)
            if step in self.known.steps[-1:]:
                return
            needed = (row.next_mxid - row.oldest_mxid) % SPACE
            aged = [((row.next_mxid - known[0]) % SPACE, known) for known in self.known.steps]
            younger = [known for age, known in aged if age < needed]
            older = [known for age, known in aged if age >= needed and age < SPACE // 2]
            steps = [*older[-1:], *younger, step]
            if len(steps) > KEPT:
                steps = [*steps[: KEPT // 2 : 2], *steps[KEPT // 2 :]]
            self.known = Members(tuple(steps))
            self.memory.put(self.namespace, STEPS, [list(one) for one in steps])

    def restart(self) -> None:
        """The numbers are the cluster's, not the server's."""

    def view(self, at: float) -> Members:
        return self.known


def _steps(stored: Json) -> tuple[Step, ...]:
    """Read them as they were put, or as they came out of the state file."""
    found: list[Step] = []
    for one in stored if isinstance(stored, list) else ():
        match one:
            case [int(mxid), int(offset)]:
                found.append((mxid, offset))
    return tuple(found)
