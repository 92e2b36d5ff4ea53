"""Limits of a finding: a base class whose relaxed values follow from the fields' types."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from alerts.units import unit_of

S = TypeVar("S", bound="BaseLimits")


@dataclass(frozen=True, slots=True)
class Slack:
    """Factor from a field's limit to its relaxed value; stands in the annotation.

    Below 1 for a limit that an ill value exceeds, above 1 for one that it falls below.
    """

    factor: float


FIXED = Slack(1.0)
"""For what decides something else than how ill a subject is: a window, a cure's size."""


@dataclass(frozen=True, slots=True)
class BaseLimits:
    """A frozen dataclass: each field with unit and reason."""

    slack = 0.9
    """Factor for durations, bytes and shares without a `Slack` of their own; numbers without one
    stay as they are."""

    def relax(self: S) -> S:
        """Return the limits that an ill subject must fall below to be well again."""
        return replace(self, **dict(_relaxed(self)))


def _relaxed(limits: BaseLimits) -> Iterator[tuple[str, Any]]:
    for name, factor in factors(limits).items():
        value = getattr(limits, name)
        if value is not None:
            yield name, int(value * factor) if isinstance(value, int) else value * factor


@cache
def factors(limits: BaseLimits) -> dict[str, float]:
    """Return the factor of each field that `relax` changes."""
    hints = get_type_hints(type(limits), include_extras=True)
    found = {name: _factor(hint, limits.slack) for name, hint in hints.items()}
    return {name: factor for name, factor in found.items() if factor != 1}


def _factor(annotation: object, slack: float) -> float:
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    own = next((mark.factor for mark in marks if isinstance(mark, Slack)), None)
    if own is not None:
        return own
    return slack if unit_of(annotation) else 1.0
