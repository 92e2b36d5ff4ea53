"""The vocabulary of a watchdog: a question only Prometheus can answer, how long, and its words."""

from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Severity


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Its file's name is its id; the `.md` beside it is its runbook."""

    title: str
    severity: Severity
    expr: str
    """Built from metric objects."""
    hold: timedelta
    """How long it must be true: daemons restart, and single scrapes fail."""
    summary: str
    """A Go template, as are the description and the cure."""
    description: str
    cure: str
    """What to do now, in one line."""
