"""Prometheus text format 0.0.4: writer of samples and metric families."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from alerts.raw_text import shown
from collectors._base import AnyMetric, Histogram, Sample

Labels = tuple[str | None, ...]
FORBIDDEN = re.compile(r"[^a-zA-Z0-9_:]")
SUFFIXES = {"histogram": ("", "_bucket", "_sum", "_count")}


@dataclass(slots=True)
class LabelBlocks:
    """Cache of label blocks such as `{a="x"}`, because most occur again in the next round."""

    last: dict[Labels, dict[Labels, str]] = field(default_factory=dict)
    fresh: dict[Labels, dict[Labels, str]] = field(default_factory=dict)

    def turn(self) -> None:
        """Begin a round; blocks that the last round did not use are dropped."""
        self.last, self.fresh = self.fresh, {}

    def of(self, names: Labels) -> tuple[dict[Labels, str], dict[Labels, str]]:
        """Return the blocks used in this round, and those of the last round."""
        return self.fresh.setdefault(names, {}), self.last.get(names, {})


@dataclass(frozen=True, slots=True)
class Head:
    """Header of a metric family: HELP and TYPE."""

    name: str
    type: str
    help: str

    def __bytes__(self) -> bytes:
        text = self.help.replace("\\", "\\\\").replace("\n", "\\n")
        return encoded(f"# HELP {self.name} {text}\n# TYPE {self.name} {self.type}\n")


@dataclass(slots=True)
class Family:
    """A metric family being written; samples with a duplicate label set are only counted."""

    head: Head
    lines: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    duplicates: int = 0

    def add(self, block: str, value: float | Histogram) -> None:
        # The first sample stays. A sum would be wrong for gauges, and for counters it would fall
        # when one of the two disappears.
        if block in self.seen:
            self.duplicates += 1
            return
        self.seen.add(block)
        if isinstance(value, Histogram):
            self.lines.extend(_histogram(self.head.name, block, value))
        else:
            self.lines.append(f"{self.head.name}{block} {number(value)}\n")

    @property
    def samples(self) -> bytes:
        return encoded("".join(self.lines))


@dataclass(slots=True)
class Writer:
    """Writer of metric families, by name."""

    blocks: LabelBlocks = field(default_factory=LabelBlocks)
    families: dict[str, Family] = field(default_factory=dict)

    def write(self, metric: AnyMetric, samples: Iterable[Sample]) -> None:
        """Write samples; None is omitted. A metric name ending in `*` stands for many families."""
        if metric.name.endswith("*"):
            self._write_many(metric, samples)
            return
        family = self._family(metric, metric.name)
        used, known = self.blocks.of(metric.labels)
        for values, value in samples:
            if value is None:
                continue
            block = used.get(values)
            if block is None:
                block = known.get(values) or label_block(metric.labels, values)
                used[values] = block
            family.add(block, value)

    def _write_many(self, metric: AnyMetric, samples: Iterable[Sample]) -> None:
        for (ending, *values), value in samples:
            if value is not None:
                name = metric.name[:-1] + FORBIDDEN.sub("_", ending or "")
                self._family(metric, name).add(label_block(metric.labels, tuple(values)), value)

    def _family(self, metric: AnyMetric, name: str) -> Family:
        if name not in self.families:
            self.families[name] = Family(Head(name, metric.type, metric.help))
        return self.families[name]


def label_block(names: Iterable[str], values: Labels) -> str:
    """Format labels in braces; an empty text if there are none."""
    pairs = [f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def escaped(value: str | None) -> str:
    """Escape a label value; None becomes the empty string, which Prometheus treats as absent."""
    if value is None:
        return ""
    return shown(str(value)).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """Format a number without loss of precision."""
    if type(value) is int:
        return str(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def encoded(text: str) -> bytes:
    """Encode as UTF-8, replacing invalid characters from a server's encoding."""
    return text.encode("utf-8", "replace")


def with_server(head: Head, samples: bytes, server: str) -> bytes:
    """Add `server` as the first label of all samples.

    Line breaks inside labels are escaped, so a line break always separates samples.
    """
    label = encoded(f'server="{escaped(server)}"')
    lines = b"\n" + samples
    for suffix in SUFFIXES.get(head.type, ("",)):
        start = b"\n" + encoded(head.name + suffix)
        lines = lines.replace(start + b"{", start + b"{" + label + b",")
        lines = lines.replace(start + b" ", start + b"{" + label + b"} ")
    return lines[1:]


def _histogram(name: str, block: str, value: Histogram) -> Iterable[str]:
    start = block[:-1] + "," if block else "{"
    for bound, count in sorted(value.buckets.items()):
        if not math.isinf(bound):
            yield f'{name}_bucket{start}le="{_bound(bound)}"}} {count}\n'
    yield f'{name}_bucket{start}le="+Inf"}} {value.count}\n'
    yield f"{name}_sum{block} {number(value.sum)}\n"
    yield f"{name}_count{block} {value.count}\n"


def _bound(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else repr(bound)
