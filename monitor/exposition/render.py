"""Renderer of one collector's rows to metrics; it caches label blocks between rounds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from collectors._base import AnyCollector, AnyMetric, Histogram, Sample
from monitor.exposition.text_format import Head, LabelBlocks, Writer, with_server
from monitor.exposition.top_n import Selection, TopN
from monitor.polling.sink import Served


@dataclass(slots=True)
class Fragment:
    """Samples of one metric family from one server or database, without and with `server`."""

    head: Head
    samples: bytes
    labelled: bytes | None = None

    def of(self, server: str | None) -> bytes:
        if server is None:
            return self.samples
        if self.labelled is None:
            self.labelled = with_server(self.head, self.samples, server)
        return self.labelled


@dataclass(slots=True)
class Renderer:
    """Renderer of one collector for a server, or for one of its databases."""

    collector: AnyCollector
    legacy: bool = True
    """Whether legacy metric names are served too."""
    blocks: LabelBlocks = field(default_factory=LabelBlocks)
    bounded: TopN | None = None
    last: Selection | None = None
    """Selection of the last complete answer."""
    rows: Sequence[Any] | None = None
    """The rows that were rendered last, where the same rows always make the same metrics."""
    sums: dict[str, dict[tuple[str | None, ...], float]] = field(default_factory=dict)
    """Sums of the metrics that accumulate over rounds, by name and labels."""

    def __post_init__(self) -> None:
        if self.collector.bound:
            self.bounded = TopN(self.collector, self.collector.bound)

    def has_rendered(self, rows: Sequence[Any]) -> bool:
        """Whether the metrics of these very rows are what it rendered last."""
        return self.rows is rows

    def render(
        self, rows: Sequence[Any], top: int | None = None
    ) -> tuple[dict[str, Fragment], Served]:
        """Render a complete answer to metric families by name; families without samples are
        omitted. `top` is the number of rows with their own series, for a bounded collector."""
        self.last = self._split(rows, top)
        adds_up = any(metric.adds_up for metric in self.collector.metrics)
        self.rows = None if self.bounded or adds_up else rows
        return self._rendered(self.last)

    def renew(self, rows: Sequence[Any]) -> tuple[dict[str, Fragment], Served]:
        """Render again with newer rows for the objects that have their own series."""
        if self.last is None or self.bounded is None:
            return self.render(rows)
        return self._rendered(replace(self.last, kept=self.bounded.single(rows)))

    def _rendered(self, split: Selection) -> tuple[dict[str, Fragment], Served]:
        self.blocks.turn()
        writer = Writer(self.blocks)
        for metric, sums in zip(self.collector.metrics, split.sums, strict=True):
            if self.legacy or not metric.legacy:
                writer.write(metric, self._samples(metric, split.kept))
                writer.write(metric, sums)
        families = writer.families
        fragments = {name: Fragment(f.head, f.samples) for name, f in families.items() if f.lines}
        duplicates = sum(f.duplicates for f in families.values())
        shown = split.kept if split.left_out else ()
        return fragments, Served(split.left_out, duplicates, shown)

    def _samples(self, metric: AnyMetric, rows: Sequence[Any]) -> Iterable[Sample]:
        if not metric.adds_up:
            return metric.samples(rows)
        sums = self.sums.setdefault(metric.name, {})
        for labels, value in metric.samples(rows):
            if value is not None and not isinstance(value, Histogram):
                sums[labels] = sums.get(labels, 0) + value
        return sums.items()

    def _split(self, rows: Sequence[Any], top: int | None) -> Selection:
        if self.bounded is None:
            return Selection(rows, [[] for _ in self.collector.metrics], 0)
        return self.bounded.split(rows, top)


def render(
    collector: AnyCollector, rows: Sequence[Any], server: str | None = None
) -> dict[str, tuple[bytes, bytes]]:
    """Render a single answer: family name → header and samples."""
    fragments, _ = Renderer(collector).render(rows)
    return {name: (bytes(one.head), one.of(server)) for name, one in fragments.items()}
