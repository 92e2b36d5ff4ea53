"""Finds every finding: one module, one finding; its file's name is its id."""

from functools import cache
from typing import Any

import alerts.findings
from alerts._base import Finding
from alerts.history import History
from collectors._catalogue import discover


@cache
def all_findings() -> dict[str, Finding[Any]]:
    """Every finding by its name."""
    return {name: module.finding for name, module in discover(alerts.findings).items()}


def all_wants() -> tuple[History, ...]:
    """What all findings together want to be remembered."""
    return tuple(want for finding in all_findings().values() for want in finding.history)
