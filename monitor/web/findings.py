"""Verdicts as JSON, for `/findings`, `check --format json` and the demo."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from alerts._base import AlertedBy, AnyFinding, Unjudged
from alerts.raw_text import shown
from alerts.units import moment_of
from alerts.verdicts.incident import incident_id
from alerts.verdicts.verdict import Subject, Verdict
from monitor.defects import DEFECTS
from monitor.views.overview import Overview, ServerView, TargetView
from monitor.views.unread import Unread
from monitor.web.findings_schema import (
    FindingsJson,
    ServerJson,
    SubjectJson,
    TargetJson,
    UnjudgedJson,
    UnreadJson,
    VerdictJson,
)

Plain = dict[str, Any]


def as_plain(overview: Overview) -> FindingsJson:
    """Return all servers with all their findings."""
    return {
        "at": iso(overview.at),
        "servers": [_server(view) for view in overview.servers],
        "targets": [_target(view) for view in overview.targets],
        "notices": list(overview.notices),
    }


def finding_as_plain(finding: AnyFinding, overview: Overview) -> Plain:
    """Return one finding on all servers that judge it."""
    return {
        "finding": finding.name,
        "title": finding.title,
        "chapter": finding.chapter,
        "kind": finding.kind,
        "servers": [
            {"server": view.name, **one}
            for view in overview.judged
            if finding.name in view.verdicts
            for one in _verdicts(view, [view.verdicts[finding.name]])
        ],
    }


def _verdicts(
    view: ServerView | TargetView, verdicts: Iterable[Verdict] | None = None
) -> list[VerdictJson]:
    """Return what can be written; a verdict that can't is left out, counted and logged."""
    identifier = view.node.system_identifier if isinstance(view, ServerView) else None
    written: list[VerdictJson] = []
    for verdict in view.verdicts.values() if verdicts is None else verdicts:
        with DEFECTS.contained("page", finding=verdict.finding.name):
            is_old = verdict.finding.name in view.old
            written.append(verdict_as_plain(verdict, identifier, is_old))
    return written


def verdict_as_plain(
    verdict: Verdict, system_identifier: str | None = None, is_old: bool = False
) -> VerdictJson:
    """Return state, reason and subjects; `judged` and `unjudged` count objects."""
    finding = verdict.finding
    one_each = finding.alerted_by is AlertedBy.subject and not finding.is_review

    def plain(subject: Subject) -> SubjectJson:
        name = verdict.finding.name
        incident = incident_id(system_identifier, name, subject.evidence) if one_each else None
        return _subject(verdict, subject, incident)

    return {
        "finding": verdict.finding.name,
        "title": verdict.finding.title,
        "chapter": verdict.finding.chapter,
        "kind": verdict.finding.kind,
        "state": verdict.state,
        "severity": verdict.severity,
        "reason": verdict.reason,
        "since": iso(verdict.changed),
        "judged_at": iso(verdict.at),
        "facts_at": iso(verdict.facts_at),
        "facts": {name: iso(at) for name, at in verdict.facts.items()},
        "is_old": is_old,
        "judged": verdict.judged,
        "unjudged": sum(one.count for one in verdict.unjudged),
        "unjudged_reasons": [_unjudged(one) for one in verdict.unjudged],
        "events": verdict.events,
        "subjects": [plain(subject) for subject in verdict.subjects],
        "muted": [plain(subject) for subject in verdict.muted],
        "measured": [asdict(row) for row in verdict.measured],
    }


def dumps(plain: object) -> str:
    """Serialise to JSON; NaN and infinity, which JSON does not allow, become null.

    Bytes that are not UTF-8 are written as escapes.
    """
    return json.dumps(_finite(plain), ensure_ascii=False, allow_nan=False, indent=2)


def iso(at: float | None) -> str | None:
    """Format unix seconds as 2026-01-01T00:00:00Z; None stays None."""
    return moment_of(at).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _server(view: ServerView) -> ServerJson:
    return {
        "server": view.name,
        "up": view.up,
        "unreachable": view.unreachable,
        "role": view.node.role,
        "version": view.server_version,
        "cluster": view.node.cluster,
        "system_identifier": view.node.system_identifier,
        "unread": [_unread(one) for one in view.unread],
        "findings": _verdicts(view),
    }


def _unread(one: Unread) -> UnreadJson:
    return {
        "database": one.database,
        "collectors": list(one.collectors),
        "reason": one.reason,
        "grant": one.grant,
    }


def _target(view: TargetView) -> TargetJson:
    return {
        "server": view.name,
        "kind": view.kind,
        "findings": _verdicts(view),
    }


def _subject(verdict: Verdict, subject: Subject, incident: str | None) -> SubjectJson:
    evidence = subject.evidence
    return {
        "subject": evidence.subject,
        "incident": incident,
        "database": evidence.database,
        "severity": evidence.severity,
        "value": evidence.value,
        "unit": verdict.finding.unit,
        "message": evidence.message,
        "facts": dict(evidence.facts),
        "cure": list(evidence.cure),
        "check": evidence.check,
        "since": iso(subject.since),
        "held": subject.held,
        "over_since": iso(subject.over),
        "muted": subject.muted,
    }


def _unjudged(one: Unjudged) -> UnjudgedJson:
    return {
        "reason": one.reason,
        "count": one.count,
        "database": one.database,
        "subject": one.subject,
        "grant": one.grant,
        "until": iso(one.until),
        "setting": one.setting,
    }


def _finite(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _finite(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_finite(value) for value in plain]
    if isinstance(plain, str):
        return shown(plain)
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
