"""What a recording rule makes, for other rules to ask for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedMetric:
    name: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return self.name
