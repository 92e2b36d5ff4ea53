"""Prometheus text format 0.0.4: samples become lines, and lines become families."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors._base import AnyMetric, Histogram, Sample

Labels = tuple[str | None, ...]
FORBIDDEN = re.compile(r"[^a-zA-Z0-9_:]")
SUFFIXES = {"histogram": ("", "_bucket", "_sum", "_count")}


@dataclass(slots=True)
class LabelBlocks:
    """The `{a="x"}` parts of samples. Those of the last round are kept, as most come again."""

    last: dict[Labels, dict[Labels, str]] = field(default_factory=dict)
    fresh: dict[Labels, dict[Labels, str]] = field(default_factory=dict)

    def turn(self) -> None:
        """A new round begins; what the last one did not use is forgotten."""
        self.last, self.fresh = self.fresh, {}

    def of(self, names: Labels) -> tuple[dict[Labels, str], dict[Labels, str]]:
        """The blocks already used in this round, and those of the round before."""
        return self.fresh.setdefault(names, {}), self.last.get(names, {})


@dataclass(frozen=True, slots=True)
class Head:
    """What is said of a family before its samples."""

    name: str
    type: str
    help: str

    def __bytes__(self) -> bytes:
        text = self.help.replace("\\", "\\\\").replace("\n", "\\n")
        return encoded(f"# HELP {self.name} {text}\n# TYPE {self.name} {self.type}\n")


@dataclass(slots=True)
class Family:
    """One family as far as it is written; a label set that comes again is only counted."""

    head: Head
    lines: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    duplicates: int = 0

    def add(self, block: str, value: float | Histogram) -> None:
        # The first one stays. A sum would be wrong for gauges, and fall for counters
        # as soon as one of the two leaves.
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
    """Families in the making, by name."""

    blocks: LabelBlocks = field(default_factory=LabelBlocks)
    families: dict[str, Family] = field(default_factory=dict)

    def write(self, metric: AnyMetric, samples: Iterable[Sample]) -> None:
        """Samples without a value are no samples. A name ending in `*` is many families."""
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
    """The labels in braces; nothing where there are none."""
    pairs = [f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def escaped(value: str | None) -> str:
    """A label value; what is not known is the empty string, as Prometheus has it."""
    if value is None:
        return ""
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """Whole numbers exactly, all others as precisely as they are."""
    if type(value) is int:
        return str(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def encoded(text: str) -> bytes:
    """Bytes of UTF-8, whatever half characters a server's encoding may have left."""
    return text.encode("utf-8", "replace")


def with_server(head: Head, samples: bytes, server: str) -> bytes:
    """The same samples with `server` as their first label.

    A line break inside a label is escaped, so a name after a line break always begins a sample.
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
