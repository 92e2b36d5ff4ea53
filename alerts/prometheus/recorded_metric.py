"""Metric made by a recording rule, for use in other rules."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedMetric:
    name: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return self.name
