"""Uses: what the statements of one server did in one span of time, stored as columns."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from typing import NamedTuple

Key = tuple[int, int, int]
"""userid, dbid and query id, as the collector has them."""
UNKNOWN = float("nan")
"""What the extension does not count: no comparison with it is true."""


class Use(NamedTuple):
    """Counters of one statement; those that the extension does not have are NaN."""

    calls: float
    seconds: float
    square_seconds: float
    """Sum of the squared times of its executions: tells even times from uneven ones."""
    plans: float
    plan_seconds: float
    rows: float
    shared_blocks_hit: float
    shared_blocks_read: float
    shared_blocks_dirtied: float
    temp_blocks_read: float
    temp_blocks_written: float
    wal_bytes: float
    wal_records: float
    wal_fpi: float
    block_read_seconds: float
    block_write_seconds: float
    nested_calls: float
    """Executions inside a function; their time is part of the caller's time too."""
    nested_seconds: float
    jit_functions: float
    jit_seconds: float
    workers_planned: float
    workers_launched: float

    @property
    def own_seconds(self) -> float:
        """Of executions by clients: the sum over all statements counts nothing twice."""
        return self.seconds - self.nested_seconds

    @property
    def blocks(self) -> float:
        return self.shared_blocks_hit + self.shared_blocks_read

    def each(self, name: str) -> float:
        """Return a counter for each execution."""
        value: float = getattr(self, name)
        return value / self.calls if self.calls else UNKNOWN


COUNTERS = Use._fields


class Uses(Mapping[Key, Use]):
    """Counters of each statement that was executed between two times; never changes."""

    __slots__ = ("_columns", "_keys", "_places", "begun", "ended")

    def __init__(
        self, begun: float, ended: float, keys: Iterable[Key], columns: Iterable[Iterable[float]]
    ) -> None:
        self.begun, self.ended = begun, ended
        """Unix seconds."""
        self._keys = tuple(keys)
        # Increases of some minutes: seven digits are enough.
        self._columns = tuple(array("f", values) for values in columns)
        self._places: Mapping[Key, int] | None = None

    @property
    def seconds(self) -> float:
        """How long that was."""
        return self.ended - self.begun

    def column(self, name: str) -> Sequence[float]:
        """Return one counter of all statements, in the order of the keys."""
        return self._columns[COUNTERS.index(name)]

    def total(self, name: str) -> float:
        return sum(self.column(name))

    @property
    def own_seconds(self) -> float:
        """Execution time of all statements of clients together."""
        return self.total("seconds") - self.total("nested_seconds")

    def top(self, name: str, count: int) -> list[tuple[Key, Use]]:
        """Return the statements with the most of one counter, the first the largest."""
        values = self.column(name)
        places = nlargest(count, range(len(values)), key=values.__getitem__)
        return [(self._keys[place], self._use(place)) for place in places]

    def __getitem__(self, key: Key) -> Use:
        if self._places is None:
            self._places = {key: place for place, key in enumerate(self._keys)}
        return self._use(self._places[key])

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def _use(self, place: int) -> Use:
        return Use(*(column[place] for column in self._columns))


def added(parts: Sequence[Uses]) -> Uses:
    """Return what was done in several spans, which follow each other, together."""
    if len(parts) == 1:
        return parts[0]
    places: dict[Key, int] = {}
    where = [[places.setdefault(key, len(places)) for key in part] for part in parts]
    columns = [[0.0] * len(places) for _ in COUNTERS]
    for part, own in zip(parts, where, strict=True):
        for name, column in zip(COUNTERS, columns, strict=True):
            for place, value in zip(own, part.column(name), strict=True):
                column[place] += value
    return Uses(parts[0].begun, parts[-1].ended, places, columns)
