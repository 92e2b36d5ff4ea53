"""Server time at the default paces, computed from what was measured at quickened ones.

What `pg_stat_statements` keeps of a query has no constants, so it is matched with the queries of
the collectors without theirs. A query that belongs to no lane, such as one that the driver asks
by itself, counts as measured.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from collectors._base import AnyCollector, Lane
from collectors._catalogue import all_collectors
from monitor.config.settings import Paces

STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|/\*.*?\*/|--[^\n]*")
WORD = re.compile(r"\b[a-z_]\w*")
CONSTANTS = frozenset({"true", "false", "null", "epoch", "regtype", "regclass"})
"""Words that are constants, or stand beside one and go with it."""
ASKED = re.compile(r"\{\w+\}")
VERSION = 180000
SECONDS = {"s": 1, "m": 60, "h": 3600}


def factors(flags: Sequence[str]) -> Mapping[Lane, float]:
    """Return by how much each lane asks more often than by default, as these flags have it."""
    defaults = Paces()
    found = dict.fromkeys(Lane, 1.0)
    for flag in flags:
        name, _, value = flag.removeprefix("paces.").partition("=")
        if name in found and value:
            usual: timedelta = getattr(defaults, name)
            found[Lane(name)] = usual.total_seconds() / (int(value[:-1]) * SECONDS[value[-1]])
    return found


def at_default_paces(seconds: Mapping[str, float], flags: Sequence[str]) -> float:
    """Return the seconds that these queries would have taken at the default paces."""
    quicker = factors(flags)
    lanes = [(without_constants(begin), lane) for begin, lane in _beginnings()]
    total = 0.0
    for text, spent in seconds.items():
        asked = without_constants(text)
        lane = next((lane for begin, lane in lanes if asked.startswith(begin)), None)
        total += spent / quicker[lane] if lane else spent
    return total


def without_constants(query: str) -> str:
    """Return the names and keywords of the query, in their order."""
    words = WORD.findall(STRING_OR_COMMENT.sub(" ", query).lower())
    return " ".join(word for word in words if word not in CONSTANTS)


def _beginnings() -> list[tuple[str, Lane]]:
    """Return each query up to what is put into it when it is asked, and its lane; the longest
    first."""
    asked = [one for one in all_collectors().values() if one.query(VERSION)]
    found = [(ASKED.split(_template(one))[0], one.lane) for one in asked]
    return sorted(found, key=lambda one: -len(one[0]))


def _template(collector: AnyCollector) -> str:
    return collector.sql[max(since for since in collector.sql if since <= VERSION)]
