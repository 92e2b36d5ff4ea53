"""Rule of synchronous_standby_names: for how many standbys, and for which, commits wait."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

COUNTED = re.compile(r"\s*(?:(first|any)\s+)?([0-9]+)\s*\((.*)\)\s*\Z", re.IGNORECASE | re.DOTALL)
NAME = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')


@dataclass(frozen=True, slots=True)
class Rule:
    text: str
    number: int
    """Standbys that have to confirm a commit."""
    names: tuple[str, ...]
    """Application names, compared without regard to case; `*` is every name."""

    def absent(self, connected: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the rule that no connected standby has."""
        there = {name.lower() for name in connected}
        return tuple(n for n in self.names if n != "*" and n.lower() not in there)


def rule_of(text: str) -> Rule | None:
    """Parse the setting; None if commits wait for no standby."""
    counted = COUNTED.match(text)
    listed, number = (counted[3], int(counted[2])) if counted else (text, 1)
    names = tuple(
        quoted.replace('""', '"') if quoted else plain for quoted, plain in NAME.findall(listed)
    )
    return Rule(text, number, names) if names else None
