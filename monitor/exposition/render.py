"""Renders the answers of one collector, round after round, remembering what makes it cheap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from collectors._base import AnyCollector, AnyMetric, Histogram, Sample
from monitor.exposition.text_format import Head, LabelBlocks, Writer, with_server
from monitor.exposition.top_n import Bounded, Split
from monitor.polling.sink import Served


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


@dataclass(slots=True)
class Renderer:
    """One collector in one place: a server, or one of its databases."""

    collector: AnyCollector
    legacy: bool = True
    """Whether old spellings are served too."""
    blocks: LabelBlocks = field(default_factory=LabelBlocks)
    bounded: Bounded | None = None
    last: Split | None = None
    """What the newest whole answer was split into."""
    sums: dict[str, dict[tuple[str | None, ...], float]] = field(default_factory=dict)
    """Of the metrics that add up from round to round, by name and labels."""

    def __post_init__(self) -> None:
        if self.collector.bound:
            self.bounded = Bounded(self.collector, self.collector.bound)

    def render(
        self, rows: Sequence[Any], top: int | None = None
    ) -> tuple[dict[str, Fragment], Served]:
        """The families of an answer by name; one without samples is left out. `top` is how many
        rows may have series of their own, where the collector is bounded."""
        self.last = self._split(rows, top)
        return self._rendered(self.last)

    def renew(self, rows: Sequence[Any]) -> tuple[dict[str, Fragment], Served]:
        """The same with newer rows in the place of those that have series of their own."""
        if self.last is None or self.bounded is None:
            return self.render(rows)
        return self._rendered(replace(self.last, kept=self.bounded.single(rows)))

    def _rendered(self, split: Split) -> tuple[dict[str, Fragment], Served]:
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

    def _split(self, rows: Sequence[Any], top: int | None) -> Split:
        if self.bounded is None:
            return Split(rows, [[] for _ in self.collector.metrics], 0)
        return self.bounded.split(rows, top)


def render(
    collector: AnyCollector, rows: Sequence[Any], server: str | None = None
) -> dict[str, tuple[bytes, bytes]]:
    """One answer on its own: family name → header and samples."""
    fragments, _ = Renderer(collector).render(rows)
    return {name: (bytes(one.head), one.of(server)) for name, one in fragments.items()}
