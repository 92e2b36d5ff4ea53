"""PromQL from metric objects, so that a query can't name an unknown metric or label."""

import json
import re
from collections.abc import Iterable
from typing import Protocol

MOVES = ("instance", "pod", "node")
"""Labels of the place where the daemon runs. It may move; an alert must stay the same alert."""
PLACE = ("job", "namespace", *MOVES)
"""Labels that Prometheus adds to whatever it scrapes."""


class Named(Protocol):
    """Metric that a query needs: its name and labels."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...


class Regex(str):
    """A regular expression, which Prometheus matches against the whole value of a label."""

    __slots__ = ()


class Same(str):
    """Whatever the alert itself has as that label; for questions asked in annotations."""

    __slots__ = ()


def select(metric: Named, **wanted: str) -> str:
    """The selector of a metric. A `Regex` is matched, everything else must be equal."""
    unknown = wanted.keys() - {*metric.labels, *PLACE, "server"}
    if unknown:
        raise LookupError(f"{metric.name} has no label {', '.join(sorted(unknown))}")
    matchers = ",".join(f"{label}{_matcher(value)}" for label, value in wanted.items())
    return f"{metric.name}{{{matchers}}}" if matchers else metric.name


def one_of(values: Iterable[str]) -> Regex:
    return Regex("|".join(re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", v) for v in values))


def wherever(expression: str, *but: str) -> str:
    """The highest of what several daemons, or one that moved, say of the same thing."""
    return f"max without ({', '.join((*MOVES, *but))}) ({expression})"


def _matcher(value: str) -> str:
    if isinstance(value, Same):
        return "=%q"
    operator = "=~" if isinstance(value, Regex) else "="
    # JSON's escapes are a subset of Go's, by which PromQL reads strings.
    return operator + json.dumps(str(value), ensure_ascii=False)
