"""Runbooks of findings and of watchdogs, by name; alerts link to them."""

from dataclasses import dataclass
from pathlib import Path

import alerts.prometheus.watchdogs
from alerts._catalogue import all_findings
from alerts.prometheus.rulebook import all_watchdogs


@dataclass(frozen=True, slots=True)
class Runbook:
    name: str
    title: str
    text: str
    """Markdown, without the title."""


def runbook(name: str) -> Runbook | None:
    """Return the runbook of a finding or of a watchdog; None if there is neither."""
    if finding := all_findings().get(name):
        return Runbook(name, finding.title, finding.runbook)
    if watchdog := all_watchdogs().get(name):
        folder = Path(alerts.prometheus.watchdogs.__path__[0])
        return Runbook(name, watchdog.title, (folder / f"{name}.md").read_text(encoding="utf-8"))
    return None
