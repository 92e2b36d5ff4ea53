"""Renders the answers of one collector, round after round, remembering what makes it cheap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors._base import Collector, Histogram, Metric, Sample
from monitor.exposition.bound import Bounded
from monitor.exposition.text import Head, LabelBlocks, Writer, with_server


@dataclass(slots=True)
class Fragment:
    """The samples of one family from one place, without and (once asked for) with `server`."""

    head: Head
    samples: bytes
    labelled: bytes | None = None

    def of(self, server: str | None) -> bytes:
        if server is None:
            return self.samples
        if self.labelled is None:
            self.labelled = with_server(self.head, self.samples, server)
        return self.labelled


@dataclass(frozen=True, slots=True)
class Served:
    """What of an answer has no series, and why."""

    left_out: int = 0
    """Rows beyond the bound of the collector."""
    duplicates: int = 0
    """Samples whose labels were taken already."""


@dataclass(slots=True)
class Renderer:
    """One collector in one place: a server, or one of its databases."""

    collector: Collector[Any]
    legacy: bool = True
    """Whether old spellings are served too."""
    blocks: LabelBlocks = field(default_factory=LabelBlocks)
    bounded: Bounded | None = None
    sums: dict[str, dict[tuple[str | None, ...], float]] = field(default_factory=dict)
    """Of the metrics that add up from round to round, by name and labels."""

    def __post_init__(self) -> None:
        if self.collector.bound:
            self.bounded = Bounded(self.collector, self.collector.bound)

    def render(self, rows: Sequence[Any]) -> tuple[dict[str, Fragment], Served]:
        """The families of an answer by name; one without samples is left out."""
        self.blocks.turn()
        kept, others, left_out = self._split(rows)
        writer = Writer(self.blocks)
        for metric, other in zip(self.collector.metrics, others, strict=True):
            if self.legacy or not metric.legacy:
                writer.write(metric, self._samples(metric, kept))
                writer.write(metric, other)
        families = writer.families
        fragments = {name: Fragment(f.head, f.samples) for name, f in families.items() if f.lines}
        return fragments, Served(left_out, sum(f.duplicates for f in families.values()))

    def _samples(self, metric: Metric[Any], rows: Sequence[Any]) -> Iterable[Sample]:
        if not metric.adds_up:
            return metric.samples(rows)
        sums = self.sums.setdefault(metric.name, {})
        for labels, value in metric.samples(rows):
            if value is not None and not isinstance(value, Histogram):
                sums[labels] = sums.get(labels, 0) + value
        return sums.items()

    def _split(self, rows: Sequence[Any]) -> tuple[Sequence[Any], list[list[Sample]], int]:
        if self.bounded is None:
            return rows, [[] for _ in self.collector.metrics], 0
        return self.bounded.split(rows)


def render(
    collector: Collector[Any], rows: Sequence[Any], server: str | None = None
) -> dict[str, tuple[bytes, bytes]]:
    """One answer on its own: family name → header and samples."""
    fragments, _ = Renderer(collector).render(rows)
    return {name: (bytes(one.head), one.of(server)) for name, one in fragments.items()}
