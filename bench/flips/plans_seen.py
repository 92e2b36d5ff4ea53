"""Plans seen: how the statements of the noise would be executed, over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.flips.judged import WINDOW
from bench.flips.noise import HOURLY, alike


@dataclass
class PlansSeen:
    """The plans of each look, with its time: a statement that is executed rarely is told late."""

    looks: list[tuple[float, Mapping[str, str]]] = field(default_factory=list)

    def note(self, at: float, plans: Mapping[str, str]) -> None:
        self.looks.append((at, plans))

    def has_flipped(self, text: str, since: float) -> bool:
        """Whether a statement has had another plan since that time than in the hour before it.

        One that is executed rarely is still told when it has its old plan again.
        """
        name, first = alike(text), since - HOURLY * WINDOW
        before = {plans.get(name) for at, plans in self.looks if first <= at <= since}
        later = {plans.get(name) for at, plans in self.looks if at > since}
        return len(before) > 1 or bool(before and later - before)

    def knows(self, text: str) -> bool:
        """Whether it is a statement of the noise."""
        return bool(self.looks) and alike(text) in self.looks[-1][1]
