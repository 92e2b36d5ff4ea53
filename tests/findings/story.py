"""One finding falls ill: what the daemon then exposes, and the page that must come of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alerts._base import AlertedBy, AnyFinding, Severity
from alerts.prometheus.annotations import BEYOND_SERVER
from alerts.prometheus.own_metrics import INCIDENT, INCIDENT_INFO, INCIDENTS_KNOWN
from alerts.prometheus.rulebook import RUNBOOK_BASE
from tests.alerts.prometheus.promtool_scene import (
    ILL_FOR,
    Alert,
    ill_then_well,
    promtool_test,
    series,
)
from tests.fixtures.requirements import Tool

RULES = Path(__file__).parents[2] / "alerts" / "rules" / "pgvigil.yml"
SHOWN_AS = {"seconds": "1m 30s", "bytes": "90B", "share": "9000%", "ratio": "9000%"}
"""How 90 reads in each unit."""
CURE = "/* Ask `first`: */ SELECT 'end', \"it\";"
MESSAGE = 'It holds "what" others want: {{ 50% }}.\nSince 2026-03-01 02:55 UTC.'
IDENTITY = {"database": "shop", "incident": "00c0ffee00c0ffee"}


def identity(finding: AnyFinding) -> dict[str, str]:
    """What the labels of an incident of that finding are, beside server and severity."""
    return {label: IDENTITY[label] for label in BEYOND_SERVER[finding.alerted_by]}


def ill_series(finding: AnyFinding, severity: Severity, server: str) -> Iterator[dict[str, str]]:
    """What the daemon exposes while one subject is ill with exactly that severity."""
    of = {"server": server, "finding": finding.name}
    yield series(INCIDENTS_KNOWN, f"1x{600 + ILL_FOR}", **of)
    which = of | identity(finding)
    for other in finding.severities:
        if other.rank <= severity.rank:
            yield series(INCIDENT, ill_then_well("_", "90"), severity=other, **which)
    older = {"subject": "the other one", "message": "Old.", "cure": "SELECT 'old';"}
    newer = {"subject": "the ill one", "message": MESSAGE, "cure": CURE}
    yield series(INCIDENT_INFO, ill_then_well("_", "100"), **older, **which)
    yield series(INCIDENT_INFO, ill_then_well("_", "200"), **newer, **which)


def page(finding: AnyFinding, severity: Severity, server: str, told: bool = True) -> Alert:
    """One alert, as Alertmanager gets it; not `told` is one whose text nobody knows."""
    value = SHOWN_AS.get(finding.unit, f"90 {finding.unit}".strip())
    where = "" if finding.alerted_by is AlertedBy.server else ", in shop"
    labels = {"job": "pgvigil", "server": server, "finding": finding.name, "severity": severity}
    texts = {
        "summary": f"{finding.title} on {server}{where}{': the ill one' if told else ''} ({value})",
        "description": f"{MESSAGE}\n{finding.why}" if told else finding.why,
        "cure": CURE if told else "",
        "runbook_url": f"{RUNBOOK_BASE}/{finding.name}",
    }
    return Alert(labels | identity(finding), texts)


def play(tool: Tool, folder: Path, *story: Any, rules: Path = RULES) -> None:
    """The committed rules, or others, do what the story tells."""
    done = promtool_test(tool("promtool"), folder, rules, *story)
    assert done.returncode == 0, done.stdout + done.stderr


def both(finding: AnyFinding, server: str) -> list[Alert]:
    return [page(finding, severity, server) for severity in finding.severities]
