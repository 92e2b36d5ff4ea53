"""Findings of users' own checks: a row of the query is an ill subject, told by a template."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerts._base import AnyFinding, Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import literal
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot, Unknown
from collectors._base import AnyCollector, Collector
from collectors._own_check import LONGEST_CURE, MOST_ROWS, AnyOwnRow, OwnRowOfDatabase
from collectors.connection import connection

CHAPTER = "own"
"""The chapter of these findings."""
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
LONGEST_MESSAGE = 500
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the query decides."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Wording of a check about a row."""

    severities: tuple[Severity, ...]
    """Those that a row may have; the first where it has none of its own."""
    message: str
    cure: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OwnFinding(Finding[Limits]):
    """A finding without a module: its runbook comes from the check's own files."""

    own_runbook: str = ""

    @property
    def why(self) -> str:
        return f"A check of your own: {self.title}."

    @property
    def runbook(self) -> str:
        return self.own_runbook


def own_finding(
    name: str,
    title: str,
    collector: Collector[AnyOwnRow],
    wording: Wording,
    runbook: str,
    **more: Any,
) -> AnyFinding:
    """Return the finding of a check; `more` are fields of Finding."""

    def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        yield from _outcomes(snapshot.rows(collector), wording, collector)

    return OwnFinding(
        title=title,
        severities=tuple(severity for severity in Severity if severity in wording.severities),
        reads=(collector,),
        limits=Limits(),
        judge=_named(judge, name),
        own_runbook=runbook,
        **more,
    )


def broken_finding(name: str, title: str, reason: str) -> AnyFinding:
    """Return the finding of a check that can't be used: it is unknown, for that reason."""

    def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
        raise Unknown(reason)

    return OwnFinding(
        title=title,
        severities=(Severity.warning,),
        reads=(connection,),
        limits=Limits(),
        judge=_named(judge, name),
        own_runbook=f"The check can't be used: {reason}.\n",
    )


def _named(
    judge: Callable[[Snapshot, Limits], Iterator[Outcome]], name: str
) -> Callable[[Snapshot, Limits], Iterator[Outcome]]:
    judge.__module__ = f"alerts.findings.{CHAPTER}.{name}"
    return judge


def _outcomes(rows: Any, wording: Wording, collector: AnyCollector) -> Iterator[Outcome]:
    found = [row for row in rows if not row.is_mark]
    if collector.databases and len(found) == len(rows):
        yield Unjudged(f"no watched database matches {', '.join(collector.databases)}")
    counts: dict[str | None, int] = {}
    for row in found:
        where = row.datname if isinstance(row, OwnRowOfDatabase) else None
        counts[where] = counts.get(where, 0) + 1
        if counts[where] <= MOST_ROWS:
            yield _outcome(row, where, wording)
    for where, count in counts.items():
        if count > MOST_ROWS:
            reason = f"the query returns more than {MOST_ROWS} rows; the others are not judged"
            yield Unjudged(reason, database=where)


def _outcome(row: AnyOwnRow, database: str | None, wording: Wording) -> Outcome:
    value = 1.0 if row.value is None else row.value
    severity = row.severity or wording.severities[0].value
    if not row.subject:
        return Unjudged("a row of the query has no subject", database=database)
    if not math.isfinite(value):
        return Unjudged("its value is no number", database=database, subject=row.subject)
    if severity not in wording.severities:
        reason = f"the check declares no severity {severity!r}"
        return Unjudged(reason, database=database, subject=row.subject)
    columns: dict[str, str | None] = json.loads(row.columns or "{}")
    texts = {name: "unknown" if text is None else text for name, text in columns.items()}
    texts |= {"subject": row.subject, "value": f"{value:.6g}", "severity": severity}
    where = database or columns.get("database")
    texts["database"] = where or ""
    return Evidence(
        subject=row.subject,
        severity=Severity(severity),
        value=value,
        message=message(wording.message, texts),
        facts={"value": value, **{name: text for name, text in columns.items() if text}},
        cure=_cure(row, wording, texts),
        check="",
        database=where,
    )


def message(template: str, texts: Texts) -> str:
    """Fill in a template, on one line."""
    filled = PLACEHOLDER.sub(lambda name: texts.get(name[1], "unknown"), template)
    line = " ".join(filled.split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 2] + " …"


def _cure(row: AnyOwnRow, wording: Wording, texts: Texts) -> tuple[str, ...]:
    """Return the cure that the row itself has, else the template's with quoted values."""
    if row.cure is None:
        return tuple(_statement(template, texts) for template in wording.cure)
    return statements(row.cure) if len(row.cure) <= LONGEST_CURE else ()


def _statement(template: str, texts: Texts) -> str:
    if template.startswith("--"):  # a line break in a value would end the comment
        return message(template, texts)
    return PLACEHOLDER.sub(lambda name: literal(texts.get(name[1], "unknown")), template)


def statements(text: str) -> tuple[str, ...]:
    """Divide a cure at lines that end a statement; a comment line stands by itself."""
    found: list[str] = []
    open_lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("--") and not open_lines:
            found.append(line.rstrip())
        elif line.strip() or open_lines:
            open_lines.append(line.rstrip())
            if line.rstrip().endswith(";"):
                found.append("\n".join(open_lines))
                open_lines = []
    if open_lines:
        found.append("\n".join(open_lines))
    return tuple(found)
