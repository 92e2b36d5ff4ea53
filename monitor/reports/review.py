"""Reviews as a plain list: by server and chapter, the worst first."""

from collections.abc import Iterator
from itertools import groupby

from alerts.verdicts.verdict import Subject, Verdict
from monitor.reports.escape import safe
from monitor.views.overview import Judged, Overview
from monitor.views.summary import Summary

Line = tuple[Judged, Verdict, Subject]


def review(overview: Overview) -> str:
    """Return the list; one sentence where there is nothing to review, or nothing is known."""
    found = Summary(overview).reviews
    unknown = [
        f"{view.name}: {verdict.finding.name}: {verdict.reason}"
        for view in overview.judged
        for verdict in view.verdicts.values()
        if verdict.finding.is_review and verdict.unjudged
    ]
    parts = [*_listed(found), *(["", "Not judged:", *unknown] if unknown else [])]
    return "\n".join(map(safe, parts or ["Nothing to review."])).lstrip("\n") + "\n"


def _listed(found: list[Line]) -> Iterator[str]:
    def heading(line: Line) -> tuple[str, str]:
        return line[0].name, line[1].finding.chapter

    for (server, chapter), lines in groupby(sorted(found, key=heading), key=heading):
        yield from ("", f"{server}: {chapter}")
        for _, verdict, subject in lines:
            evidence = subject.evidence
            yield f"  {evidence.severity}  {verdict.finding.name}: {evidence.message}"
