"""docs/findings.md: a table of all findings, with their severities."""

import sys
from itertools import groupby

from alerts._base import AnyFinding
from alerts._catalogue import all_findings

HEAD = """\
<!-- Generated from the catalogue of findings by `make render`. -->
# Findings

Each finding is one file in `alerts/findings/`, with its runbook next to it, which `pgvigil explain
NAME` and the daemon's page `/findings/NAME` show. Its limits are settings, see [the
configuration](configuration.md).
*critical* means act tonight, *warning* act this week, *info* is worth knowing.
"""


def findings_page() -> str:
    """Return the page in Markdown, with a table for each chapter."""
    ordered = sorted(all_findings().values(), key=lambda finding: (finding.chapter, finding.name))
    tables = (
        _table(chapter, list(findings))
        for chapter, findings in groupby(ordered, key=lambda finding: finding.chapter)
    )
    return HEAD + "".join(tables)


def _table(chapter: str, findings: list[AnyFinding]) -> str:
    rows = "\n".join(_row(finding) for finding in findings)
    head = "| finding | what it is | severity | alert for each | reads |\n|---|---|---|---|---|"
    return f"\n## {chapter.capitalize()}\n\n{head}\n{rows}\n"


def _row(finding: AnyFinding) -> str:
    severities = ", ".join(severity.value for severity in reversed(finding.severities))
    reads = ", ".join(collector.name for collector in finding.reads)
    cells = (f"`{finding.name}`", _gist(finding), severities, finding.alerted_by.value, reads)
    return f"| {' | '.join(cells)} |"


def _gist(finding: AnyFinding) -> str:
    """Return the first line of its module's docstring: why it matters, in a sentence."""
    doc = sys.modules[finding.judge.__module__].__doc__ or finding.title
    return doc.strip().splitlines()[0].replace("|", "\\|")
