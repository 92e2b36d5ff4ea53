"""Wanted texts: those of statements that matter, lately or since the last reset."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from heapq import nlargest
from itertools import islice

from alerts.statements.history import StatementUses
from alerts.statements.texts import MOST, MOST_CHARACTERS, StatementTexts
from collectors._columns import column
from collectors.stat_statements import Statement

BATCH = 200
"""Texts of one question: 800 kB at most."""
LATELY = timedelta(hours=1)
BY = ("seconds", "calls", "shared_blocks_read", "temp_blocks_written", "wal_bytes", "plan_seconds")
"""The costs by which a statement matters."""
OF_EACH = 100
"""Statements that are named for each of them."""
FULL = 0.75
"""Share of the characters from which on no texts are asked for that do not matter."""
AGAIN = 3600.0
"""Seconds after which a text that was not there is asked for again."""


def wanted(
    uses: StatementUses,
    rows: Sequence[Statement],
    texts: StatementTexts,
    at: float,
    first: Iterable[int] = (),
) -> tuple[int, ...]:
    """Return the query ids whose texts are to be asked for now, the most important first.

    `first` are query ids that matter for another reason than their cost.
    """
    absent = {query_id for query_id, asked in texts.missing.items() if at - asked < AGAIN}
    named = dict.fromkeys((*first, *_important(uses, rows), *_others(rows, texts)))
    unknown = (one for one in named if one not in texts.known and one not in absent)
    return tuple(islice(unknown, BATCH))


def _important(uses: StatementUses, rows: Sequence[Statement]) -> Iterator[int]:
    lately = uses.over(LATELY)
    if lately is not None:
        for name in BY:
            yield from (query_id for (_, _, query_id), _ in lately.top(name, OF_EACH))
    ids = column(rows, "query_id")
    for name in BY:
        yield from _largest(ids, column(rows, name))


def _others(rows: Sequence[Statement], texts: StatementTexts) -> Sequence[int]:
    """Return all others where there is room: only all texts together tell what none of them names.

    Where there is not, each new text would drive out an older one, which is then asked for again.
    """
    size = sum(one.size for one in texts.known.values())
    if len(rows) > MOST or size > MOST_CHARACTERS * FULL:
        return ()
    return column(rows, "query_id")


def _largest(ids: Sequence[int], values: Iterable[float]) -> Iterator[int]:
    ranked = nlargest(OF_EACH, zip(values, ids, strict=True))
    return (query_id for _, query_id in ranked)
