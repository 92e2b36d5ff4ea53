"""Outlet of one server: takes the rows of sources, or why a source has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collectors._base import Absence, AnyCollector
from monitor.polling.answers import Answers
from monitor.polling.runner import CollectorRunner


@dataclass(frozen=True, slots=True)
class Outlet:
    """Records and publishes rows; a lack is recorded once, until it changes."""

    answers: Answers
    runner: CollectorRunner

    def supply(self, collector: AnyCollector, rows: Sequence[Any]) -> None:
        self.runner.supply(collector, rows)

    def derive(self, collector: AnyCollector, rows: Sequence[Any]) -> None:
        """Supply rows that were made of others: they are no news to the judges."""
        self.runner.supply(collector, rows)
        self.answers.fresh.discard(collector)

    def lack(self, why: Absence, *collectors: AnyCollector) -> None:
        for collector in collectors:
            if self.answers.absent.get(collector) != why:
                self.answers.mark_absent(collector, None, why)
