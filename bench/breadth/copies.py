"""Scratch tree: the sources, with copies of real findings and collectors under new names."""

import shutil
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

from alerts._base import AnyFinding
from alerts._catalogue import all_findings
from bench.killed import SWEEPER
from collectors._base import AnyCollector, Kind, Lane
from collectors._catalogue import all_collectors

ROOT = Path(__file__).parents[2]
PACKAGES = ("collectors", "alerts", "grafana", "monitor", "bench")
BREADTH = 400, 180
"""Findings and collectors of the grown tree: twice what there is, and a half more."""
FINDINGS = max(0, BREADTH[0] - len(all_findings()))
COLLECTORS = max(0, BREADTH[1] - len(all_collectors()))
OF_FAST = min(10, FINDINGS)
"""Number of copies of findings that read a collector of the fast lane."""
REVIEW = """

from dataclasses import replace as _replace

from alerts._base import FindingKind as _FindingKind

finding = _replace(finding, kind=_FindingKind.review)
"""
COLLECTOR = """

from dataclasses import replace as _replace

{copy} = _replace(
    {name}, metrics=tuple(_replace(m, name="{copy}_" + m.name) for m in {name}.metrics)
)
"""
"""Metrics of a copy have names of their own, as a page can't hold a family twice."""


def grow(folder: Path) -> Path:
    """Copy the sources into a folder, add the copies of findings and collectors, and return it."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    sweeper = SWEEPER.relative_to(ROOT)
    (folder / sweeper).parent.mkdir(parents=True)
    shutil.copy(SWEEPER, folder / sweeper)
    for number, finding in enumerate(chosen_findings(all_findings().values())):
        _copy_finding(folder, finding, number)
    for number, collector in enumerate(chosen_collectors(all_collectors().values())):
        _copy_collector(folder, collector, number)
    return folder


def chosen_findings(known: Iterable[AnyFinding]) -> Iterator[AnyFinding]:
    """The findings to copy, in turn: most of them read only what is asked for rarely."""
    about_servers = [finding for finding in known if finding.of is Kind.postgres]
    fast = [finding for finding in about_servers if reads_fast(finding)]
    others = [finding for finding in about_servers if not reads_fast(finding)]
    yield from islice(cycle(fast), OF_FAST)
    yield from islice(cycle(others), FINDINGS - OF_FAST)


def chosen_collectors(known: Iterable[AnyCollector]) -> Iterator[AnyCollector]:
    """The collectors to copy, in turn: those with queries, outside the fast lane."""
    asked = [one for one in known if one.sql and one.lane is not Lane.fast]
    return islice(cycle(asked), COLLECTORS)


def reads_fast(finding: AnyFinding) -> bool:
    return any(one.lane is Lane.fast for one in (*finding.reads, *finding.consults))


def _copy_finding(folder: Path, finding: AnyFinding, number: int) -> None:
    """Every second copy is a review."""
    chapter = folder / "alerts" / "findings" / finding.chapter
    source, copy = chapter / f"{finding.name}.py", chapter / f"{finding.name}_copy_{number}.py"
    copy.write_text(source.read_text() + (REVIEW if number % 2 else ""))
    shutil.copy(source.with_suffix(".md"), copy.with_suffix(".md"))


def _copy_collector(folder: Path, collector: AnyCollector, number: int) -> None:
    source = folder / "collectors" / f"{collector.name}.py"
    copy = f"{collector.name}_copy_{number}"
    footer = COLLECTOR.format(name=collector.name, copy=copy)
    source.with_name(f"{copy}.py").write_text(source.read_text() + footer)
