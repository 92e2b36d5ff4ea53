"""Scene: a statement in a schema of its own, what is done to it, and what may be told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

CALLS = 25
"""Executions of a statement in each window."""
FLIPPED = frozenset({"sequential scan", "another index", "index scans", "new statistics"})
"""Causes that say how another plan reads its tables."""
SPREAD = frozenset({"more blocks for the same rows"})
SETTING = frozenset({"setting changed"})


@dataclass(frozen=True, slots=True)
class Scene:
    """A statement in a schema of its own, and what is done to it."""

    name: str
    title: str
    setup: str
    statement: str
    """With `$1` for the parameter."""
    usual: str
    """The parameter as an SQL expression of `n`, the number of the call."""
    act: Sequence[str] = ()
    undo: Sequence[str] = ()
    later: str = ""
    """The parameter after the act; empty: the same."""
    causes: frozenset[str] = frozenset()
    """What is named rightly; empty: nothing may be told."""
    before_each: str = ""
    """What the session of the statement executes first."""
    then_each: str = ""
    """The same after the act."""
    settings: bool = False
    """Whether the act changes a setting of the whole server, which may flip other plans too."""
    restart: bool = False
    rival: str = ""
    """A statement of another session, which holds what it locks while this one is executed."""
    busy: bool = False
    """Whether other sessions use all CPUs at that time."""

    @property
    def is_flip(self) -> bool:
        return bool(self.causes)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is drawn; the ways are always the same."""

    rows: int
    each: int
    """Rows of a customer."""
    pad: int
    """Characters of a row."""
    step: int
    """From the parameter of one call to that of the next."""
    day: int
    """Rows of a day."""
    span: int
    """Rows of a range."""

    @classmethod
    def drawn(cls, random: Random) -> "Sizes":
        return cls(
            rows=random.randrange(30_000, 60_000),
            each=random.randrange(4, 12),
            pad=random.randrange(80, 160),
            step=random.choice((7, 11, 13, 17)),
            day=random.randrange(400, 700),
            span=random.randrange(300, 600),
        )

    @property
    def key(self) -> str:
        """The parameter of a call: one of the first thousand keys."""
        return f"(n * {self.step}) % 1000"


def orders(schema: str, sizes: Sizes, each: int) -> str:
    """A table of which each customer has some rows, scattered over it, and an index."""
    return (
        f"create schema {schema};"
        f" create table {schema}.{schema}t (id int primary key, customer int, note text);"
        f" insert into {schema}.{schema}t select n, n % {sizes.rows // each},"
        f" repeat('x', {sizes.pad}) from generate_series(1, {sizes.rows}) n;"
        f" create index t_customer on {schema}.{schema}t (customer);"
    )


def of_customer(schema: str) -> str:
    """The statement that reads the rows of a customer."""
    return f"select id, note from {schema}.{schema}t where customer = $1"
