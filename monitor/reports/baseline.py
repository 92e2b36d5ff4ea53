"""Baseline of a review: the points that a team has accepted, so that only new ones fail."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts._base import Severity
from monitor.views.overview import Overview
from monitor.views.points import Point, is_judged, not_judged, points

VERSION = 1


class BadBaseline(Exception):
    """A baseline that can't be read; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A point of a baseline. Without a server or database it stands for that of any."""

    finding: str
    subject: str
    severity: Severity
    server: str | None = None
    database: str | None = None

    def covers(self, point: Point) -> bool:
        """Whether it is this point, and has not become worse."""
        return self.names(point) and point.evidence.severity.rank <= self.severity.rank

    def names(self, point: Point) -> bool:
        return (
            self.finding == point.finding.name
            and self.subject == point.evidence.subject
            and self.server in (None, point.server)
            and self.database in (None, point.evidence.database)
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """Accepted subjects, and the findings that could not be judged then."""

    accepted: tuple[Accepted, ...] = ()
    not_judged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Compared:
    """A review beside its baseline."""

    new: tuple[Point, ...]
    known: tuple[Point, ...]
    gone: tuple[Accepted, ...]
    """What was accepted and is no longer found, by findings that were judged."""
    blind: tuple[str, ...]
    """Findings that can't be judged now and could be when the baseline was written."""


def compared(overview: Overview, baseline: Baseline) -> Compared:
    """Tell what is new from what was accepted."""
    found = points(overview)
    by_name: dict[tuple[str, str], list[Accepted]] = {}
    for one in baseline.accepted:
        by_name.setdefault((one.finding, one.subject), []).append(one)

    def is_known(point: Point) -> bool:
        there = by_name.get((point.finding.name, point.evidence.subject), ())
        return any(one.covers(point) for one in there)

    present: dict[tuple[str, str], list[Point]] = {}
    for point in found:
        present.setdefault((point.finding.name, point.evidence.subject), []).append(point)
    return Compared(
        tuple(point for point in found if not is_known(point)),
        tuple(point for point in found if is_known(point)),
        tuple(
            one
            for one in baseline.accepted
            if not any(one.names(point) for point in present.get((one.finding, one.subject), ()))
            and is_judged(overview, one.server, one.finding)
        ),
        tuple(sorted(_blind(overview) - baseline.not_judged)),
    )


def _blind(overview: Overview) -> set[str]:
    return {verdict.finding.name for _, verdict in not_judged(overview)}


def written(overview: Overview) -> str:
    """Return the baseline of what is found now, one line a point, for version control."""
    many = len(overview.servers) > 1
    lines = sorted({json.dumps(_plain(point, many)) for point in points(overview)})
    listed = "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"
    blind = json.dumps(sorted(_blind(overview)))
    return f'{{\n  "version": {VERSION},\n  "not_judged": {blind},\n  "accepted": {listed}\n}}\n'


def _plain(point: Point, with_server: bool) -> dict[str, str]:
    evidence = point.evidence
    where = {"server": point.server} if with_server else {}
    if evidence.database is not None:
        where["database"] = evidence.database
    about = {"finding": point.finding.name, "subject": evidence.subject}
    return {**about, **where, "severity": evidence.severity.value}


def read(path: Path) -> Baseline:
    """Read a baseline. Raises BadBaseline."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as failed:
        raise BadBaseline(f"the baseline {path} can't be read: {failed.strerror}.") from None
    except (ValueError, RecursionError):
        raise BadBaseline(f"the baseline {path} is not JSON.") from None
    if not isinstance(plain, dict) or plain.get("version") != VERSION:
        raise BadBaseline(f"the baseline {path} is not of version {VERSION}.")
    try:
        return Baseline(tuple(_accepted(plain["accepted"])), frozenset(_names(plain)))
    except (KeyError, TypeError, ValueError):
        raise BadBaseline(
            f"the baseline {path} does not list points as --write-baseline does."
        ) from None


def _names(plain: dict[str, Any]) -> Iterator[str]:
    for name in plain.get("not_judged", []):
        if not isinstance(name, str):
            raise TypeError
        yield name


def _accepted(listed: Any) -> Iterator[Accepted]:
    for one in listed:
        texts = {name: one[name] for name in ("finding", "subject", "severity")}
        where = {name: one[name] for name in ("server", "database") if one.get(name) is not None}
        if not all(isinstance(text, str) for text in (*texts.values(), *where.values())):
            raise TypeError
        severity = Severity(texts.pop("severity"))
        yield Accepted(**texts, severity=severity, **where)
