"""Verdicts as JSON, for `/findings`, `check --format json` and the demo."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from alerts._base import AnyFinding, Unjudged
from alerts.raw_text import shown
from alerts.verdicts.verdict import Subject, Verdict
from monitor.views.overview import Overview, ServerView, TargetView
from monitor.web.findings_schema import (
    FindingsJson,
    ServerJson,
    SubjectJson,
    TargetJson,
    UnjudgedJson,
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
            {"server": view.name, **verdict_as_plain(view.verdicts[finding.name])}
            for view in overview.judged
            if finding.name in view.verdicts
        ],
    }


def verdict_as_plain(verdict: Verdict) -> VerdictJson:
    """Return state, reason and subjects; `judged` and `unjudged` count objects."""
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
        "judged": verdict.judged,
        "unjudged": sum(one.count for one in verdict.unjudged),
        "unjudged_reasons": [_unjudged(one) for one in verdict.unjudged],
        "events": verdict.events,
        "subjects": [_subject(verdict, subject) for subject in verdict.subjects],
        "muted": [_subject(verdict, subject) for subject in verdict.muted],
    }


def dumps(plain: object) -> str:
    """Serialise to JSON; NaN and infinity, which JSON does not allow, become null.

    Bytes that are not UTF-8 are written as escapes.
    """
    return json.dumps(_finite(plain), ensure_ascii=False, allow_nan=False, indent=2)


def iso(at: float | None) -> str | None:
    """Format unix seconds as 2026-01-01T00:00:00Z; None stays None."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _server(view: ServerView) -> ServerJson:
    return {
        "server": view.name,
        "up": view.up,
        "unreachable": view.unreachable,
        "role": view.node.role,
        "version": view.server_version,
        "cluster": view.node.cluster,
        "system_identifier": view.node.system_identifier,
        "findings": [verdict_as_plain(verdict) for verdict in view.verdicts.values()],
    }


def _target(view: TargetView) -> TargetJson:
    return {
        "server": view.name,
        "kind": view.kind,
        "findings": [verdict_as_plain(verdict) for verdict in view.verdicts.values()],
    }


def _subject(verdict: Verdict, subject: Subject) -> SubjectJson:
    evidence = subject.evidence
    return {
        "subject": evidence.subject,
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
