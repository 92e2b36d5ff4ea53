"""The tables of what was measured, and the page that they are published on."""

import datetime
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from bench.bloat.measure import Measured

PAGE = Path(__file__).parents[1] / "BLOAT.md"


USUAL = 100
"""The default statistics target."""
INTRODUCTION = """# Bloat, estimated and true

`make bench ARGS='bloat --seed 7'` draws tables with a seed: 3 to 120 columns of many types
(numbers, domains over domains over numeric, texts of skewed and bimodal widths, json, arrays),
nulls, fill factors, dropped columns, statistics targets of 1, 100 and 1000, and rows deleted here
and there or side by side. Some lost a fourth of their rows before, and were filled up again; the
counters of half of them were reset when they were full. More tables have indexes of many kinds,
whose keys come in no order.

Of each, 0, 20, 50 and 80 % of the rows are deleted, and it is vacuumed and analysed. Its bloat is
estimated by the daemon's own queries, as a role that is in `pg_monitor` and may read the widths of
columns. Then `VACUUM FULL` rewrites it, which tells the truth: the share of the file that a
rewrite frees, which is nothing where the file becomes longer by it.

*pgstattuple* is dead rows and free space of `pgstattuple`, and for indexes 1 less the density of
leaves of `pgstatindex` over the fill factor; both read the whole file. *usual* is the estimate of
many dashboards and checks, from mean widths, written anew for this page. Figures are percentage
points. *Sure* is what can become a warning; of what is unsure only the low end of its interval
counts, as information. Unsure are low statistics targets, and tables of which a few rows fill a
page: how many whole ones do depends on each width, and statistics tell the mean alone.

The seeds of this page were drawn after the code was finished, and the code was not changed after
they had run. The claim is the worse of the figures of its seeds.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """All tables of one seed."""

    seed: int
    version: int
    rows: tuple[Measured, ...]

    @property
    def heaps(self) -> list[Measured]:
        return [row for row in self.rows if row.kind == "table"]

    @property
    def indexes(self) -> list[Measured]:
        return [row for row in self.rows if row.kind != "table"]


def told(row: Measured) -> str:
    """One measurement in one line."""
    start = f"{row.shape.name} [{row.kind}] target {row.shape.target} {row.deleted:.0%}:"
    if row.found is None:
        return f"{start} truth {row.truth:.1%}, {row.obstacle}"
    found, error = row.found, 100 * (row.error or 0.0)
    return (
        f"{start} truth {row.truth:.1%} found {found.bloat_share:.1%} ({error:+.1f})"
        f" [{found.low:.1%}, {found.high:.1%}] {found.confidence}"
        f"{'' if row.is_inside else ' OUTSIDE'} exact {row.exact or 0:.1%}"
        f" usual {row.usual or 0:.1%}"
    )


def tables(sample: Sample) -> Iterator[str]:
    yield from _errors("tables", sample.heaps)
    yield ""
    yield from _errors("B-trees", sample.indexes)
    yield ""
    yield from _by_kind(sample.indexes)


def _claims(samples: Sequence[Sample]) -> Iterator[str]:
    for what, rows in (
        ("tables", [sample.heaps for sample in samples]),
        ("B-trees", [sample.indexes for sample in samples]),
    ):
        known = [[row for row in one if row.found] for one in rows]
        sure = [[row for row in one if row.is_sure] for one in known]
        unsure = [row for one in known for row in one if not row.is_sure]
        means = max(fmean(map(_points, one)) for one in sure if one)
        worst = max(max(map(_points, one)) for one in sure if one)
        every = max(fmean(map(_points, one)) for one in known if one)
        inside = sum(row.is_inside for row in unsure)
        usual = max(_points(row) for one in known for row in one if row.shape.target >= USUAL)
        yield f"- {what}, sure: mean error {means:.1f}, worst {worst:.1f}; all: mean {every:.1f}."
        yield f"- {what}, sure or not, where the target is {USUAL} or more: worst {usual:.1f}."
        yield f"- {what}, unsure: the interval holds the truth in {inside} of {len(unsure)}."


def _points(row: Measured) -> float:
    return abs(100 * (row.error or 0.0))


ESTIMATES: dict[str, Callable[[Measured], float | None]] = {
    "pgvigil": lambda row: row.error,
    "pgstattuple": lambda row: None if row.exact is None else row.exact - row.freed,
    "usual": lambda row: None if row.usual is None else row.usual - row.freed,
}


def _errors(what: str, rows: Sequence[Measured]) -> Iterator[str]:
    yield _line(what, "measured", "mean", "median", "90 %", "worst", "interval holds the truth")
    yield "|---" * 7 + "|"
    sure = [row for row in rows if row.is_sure]
    unsure = [row for row in rows if row.found and not row.is_sure]
    yield _error_line("pgvigil, sure", "pgvigil", sure, inside=True)
    yield _error_line("pgvigil, unsure: no alert", "pgvigil", unsure, inside=True)
    for name in ("pgstattuple", "usual"):
        yield _error_line(f"{name}, the same of which pgvigil is sure", name, sure)


def _error_line(title: str, name: str, rows: Sequence[Measured], inside: bool = False) -> str:
    errors = sorted(abs(100 * e) for row in rows if (e := ESTIMATES[name](row)) is not None)
    if not errors:
        return _line(title, 0, *[""] * 5)
    held = f"{sum(row.is_inside for row in rows)} of {len(rows)}" if inside else ""
    figures = fmean(errors), median(errors), errors[int(0.9 * (len(errors) - 1))], errors[-1]
    return _line(title, len(errors), *(f"{figure:.1f}" for figure in figures), held)


def _by_kind(rows: Sequence[Measured]) -> Iterator[str]:
    yield _line("index", *ESTIMATES)
    yield "|---" * 4 + "|"
    for kind in dict.fromkeys(row.kind for row in rows):
        own = [row for row in rows if row.kind == kind and row.found]
        if own:
            means = (fmean(abs(100 * (of(row) or 0.0)) for row in own) for of in ESTIMATES.values())
            yield _line(kind, *(f"{mean:.1f}" for mean in means))


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def write(samples: Sequence[Sample]) -> None:
    PAGE.write_text("\n".join(_page(samples)) + "\n")


def _page(samples: Sequence[Sample]) -> Iterator[str]:
    yield INTRODUCTION
    yield from _claims(samples)
    yield ""
    for sample in samples:
        today = datetime.datetime.now(datetime.UTC).date()
        yield f"## Seed {sample.seed}, PostgreSQL {sample.version}"
        yield ""
        yield f"{today}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores."
        yield ""
        yield from tables(sample)
        yield ""
