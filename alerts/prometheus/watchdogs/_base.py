"""Base type of watchdogs: an expression, a duration and texts."""

from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Severity


@dataclass(frozen=True, slots=True)
class Watchdog:
    """A watchdog. Its file's name is its id; the `.md` file next to it is its runbook."""

    title: str
    severity: Severity
    expr: str
    """Built from metric objects."""
    hold: timedelta
    """How long it must be true, because daemons restart and single scrapes fail."""
    summary: str
    """A Go template, as are the description and the cure."""
    description: str
    cure: str
    """What to do now, in one line."""
    inhibits_findings: bool = False
    """Whether it must fire at the same instant as alerts of findings, which Alertmanager would
    send otherwise before it knows of this one."""
