"""Choice of the statements whose plans are asked for: those that took most of the time lately."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import nlargest

from alerts.statements.history import StatementUses
from alerts.statements.texts import KnownText, StatementTexts
from alerts.statements.uses import Key
from collectors._columns import column
from collectors.plans import StatementPlan
from collectors.stat_statements import Statement, stat_statements

LATELY = timedelta(hours=1)
FOLLOWED = 50
"""Statements with a plan, or with the reason why they have none."""
LEAST = 0.005
"""Share of the time of all statements from which one is worth a plan."""
DAY = 86400.0
"""Seconds after which a plan is asked for again, whatever has changed."""
SOON = 600.0
"""Seconds before it is asked for again in any case."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A statement that is worth a plan."""

    key: Key
    user: str
    database: str
    text: KnownText


def worst(
    uses: StatementUses,
    rows: Sequence[Statement],
    texts: StatementTexts,
    ours: Collection[str] = (),
) -> Iterator[Wanted]:
    """Yield the statements with the most time, the worst first, as far as their texts are known.

    Statements of our own roles are left out.
    """
    for key in _keys(uses, rows):
        userid, dbid, query_id = key
        text, database = texts.known.get(query_id), uses.databases.get(dbid)
        user = uses.users.get(userid)
        if text is not None and database and user and user not in ours:
            yield Wanted(key, user, database, text)


def _keys(uses: StatementUses, rows: Sequence[Statement]) -> list[Key]:
    """Return those of the last hour, or since the reset while nothing is known of it."""
    lately = uses.over(LATELY)
    if lately is not None:
        total = lately.own_seconds
        ranked = lately.top("seconds", FOLLOWED)
        return [key for key, use in ranked if total > 0 and use.seconds >= LEAST * total]
    seconds = column(rows, "seconds")
    total = sum(seconds)
    keys = zip(*(column(rows, name) for name in stat_statements.key), strict=True)
    best = nlargest(FOLLOWED, zip(seconds, keys, strict=True))
    return [key for spent, key in best if total > 0 and spent >= LEAST * total]


def due(
    wanted: Collection[Wanted],
    known: Mapping[Key, StatementPlan],
    changed: Mapping[tuple[str, str, str], float],
    now: float,
    awaited: Collection[Key] = (),
) -> list[Wanted]:
    """Return those without a plan, and with one that is old or may be another one now.

    `changed` says when the statistics of a table were made anew: by database, schema and name.
    `awaited` are statements for which an index is advised, so that one may soon be there.
    """
    return [one for one in wanted if _is_due(one.key, known.get(one.key), changed, now, awaited)]


def _is_due(
    key: Key,
    plan: StatementPlan | None,
    changed: Mapping[tuple[str, str, str], float],
    now: float,
    awaited: Collection[Key],
) -> bool:
    if plan is None or now - plan.at >= DAY:
        return True
    if now - plan.at < SOON:
        return False
    if plan.is_denied or key in awaited:
        return True
    tables = ((plan.datname, n.schemaname or "", n.relname) for n in plan.nodes if n.relname)
    return any(changed.get(table, 0.0) > plan.at for table in tables)
