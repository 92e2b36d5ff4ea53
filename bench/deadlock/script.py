"""Transactions as every driver can run them: statements, the values drawn for them, and pauses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

Values = Mapping[str, int]


class Draw(StrEnum):
    """What a value of a transaction is drawn from."""

    row = "row"
    """One of the contested rows or keys."""
    own = "own"
    """The number of the client, which no other client uses."""


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    """`{name}` stands for a value; `{name:text}` for its text form, a UUID."""
    names: tuple[str, ...] = ()
    """Of its values, in the order of the text."""
    touches: tuple[str, ...] = ()
    """Tables and advisory locks that others contend for here, in the order they are locked."""


@dataclass(frozen=True, slots=True)
class Script:
    """One kind of transaction. `sort` names values that are put into ascending order first."""

    statements: tuple[Statement, ...]
    draws: tuple[tuple[str, Draw], ...]
    sort: tuple[str, ...] = ()
    by_rank: bool = False
    """Sorted by another column than the key."""
    commits_itself: bool = False

    def values(self, dice: Random, rows: int, client: int) -> dict[str, int]:
        """New values for one transaction; those that are sorted differ from each other."""
        found = {
            name: client if draw is Draw.own else dice.randint(1, rows) for name, draw in self.draws
        }
        contested = [name for name, draw in self.draws if draw is Draw.row]
        if rows >= len(contested):
            drawn = dice.sample(range(1, rows + 1), len(contested))
            found |= dict(zip(contested, drawn, strict=True))
        order = sorted((found[name] for name in self.sort), key=rank if self.by_rank else None)
        return found | dict(zip(self.sort, order, strict=True))


def rank(row: int) -> int:
    """Another column of a row, by which honest code may sort as well."""
    return row * 7919 % 1009


def uuid_of(row: int) -> str:
    """The key of a row where keys are UUIDs: of no order that numbers have."""
    return f"{row * 2654435761 % 2**32:08x}-0000-4000-8000-{row:012x}"


def parameters(statement: Statement, marks: Sequence[str]) -> str:
    """The text with these marks in the place of its values."""
    text = statement.text
    for name, mark in zip(statement.names, marks, strict=True):
        text = text.replace(f"{{{name}}}", mark)
    return text


def literal(statement: Statement, values: Values) -> str:
    """The text with its values written out."""
    text = statement.text
    for name in statement.names:
        text = text.replace(f"{{{name}}}", str(values[name]))
        text = text.replace(f"{{{name}:text}}", f"'{uuid_of(values[name])}'")
    return text


def steps(scripts: Sequence[Script]) -> Iterator[tuple[str, str]]:
    """Each pair of contested things that some transaction locks one after the other."""
    for script in scripts:
        touched = [thing for statement in script.statements for thing in statement.touches]
        for number, one in enumerate(touched):
            yield from ((one, other) for other in touched[number + 1 :])
