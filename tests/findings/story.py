"""One finding falls ill: what the daemon then exposes, and the page that must come of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alerts._base import AlertedBy, AnyFinding, Severity, Shape
from alerts.prometheus.annotations import BEYOND_SERVER, IN_THE_RUNBOOK, why
from alerts.prometheus.own_metrics import (
    FINDING_CURE,
    FINDING_DATABASE_SUBJECTS,
    FINDING_SUBJECT,
    FINDING_SUBJECTS,
)
from alerts.prometheus.rulebook import RUNBOOK_BASE
from tests.alerts.prometheus.promtool_scene import (
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


def ill_series(finding: AnyFinding, severity: Severity, server: str) -> Iterator[dict[str, str]]:
    """What the daemon exposes while one subject is ill with exactly that severity."""
    of = {"server": server, "finding": finding.name}
    for other in finding.severities:
        ill = ill_then_well("0", "1" if other.rank <= severity.rank else "0")
        yield series(FINDING_SUBJECTS, ill, severity=other, **of)
        if finding.alerted_by is AlertedBy.database:
            yield series(FINDING_DATABASE_SUBJECTS, ill, severity=other, database="shop", **of)
    subject = {"database": "shop", "subject": "the ill one", "severity": severity}
    yield series(FINDING_SUBJECT, ill_then_well("_", "90"), **subject, **of)
    for name, cure in (("the ill one", CURE), ("another one", "SELECT 'wrong';")):
        cured = {"database": "shop", "subject": name, "cure": cure}
        yield series(FINDING_CURE, ill_then_well("_", "1"), **cured, **of)


def page(finding: AnyFinding, severity: Severity, server: str, worst: bool = True) -> Alert:
    """The alert of one rule, as Alertmanager gets it."""
    identity = {"server": server, "database": "shop", "subject": "the ill one"}
    carried = ("server", *BEYOND_SERVER[finding.alerted_by])
    value = SHOWN_AS.get(finding.unit, f"90 {finding.unit}".strip())
    where, which = {
        AlertedBy.server: ("", f": the ill one ({value})"),
        AlertedBy.database: (", in shop", f": the ill one ({value})"),
        AlertedBy.subject: (": the ill one", f" ({value})"),
    }[finding.alerted_by]
    heading = "Last occurrences" if finding.shape is Shape.event else "Worst"
    database = " (database shop)" if finding.alerted_by is AlertedBy.server else ""
    shown = f"\n{heading}:\n- the ill one{database}: {value}" if worst else ""
    return Alert(
        {
            "job": "pgvigil",
            "finding": finding.name,
            "severity": severity,
            **{label: identity[label] for label in carried},
        },
        {
            "summary": f"{finding.title} on {server}{where}{which if worst else ''}",
            "description": why(finding) + shown,
            "cure": f"the ill one{database}: {CURE}" if worst else IN_THE_RUNBOOK,
            "runbook_url": f"{RUNBOOK_BASE}/{finding.name}",
        },
    )


def play(tool: Tool, folder: Path, *story: Any, rules: Path = RULES) -> None:
    """The committed rules, or others, do what the story tells."""
    done = promtool_test(tool("promtool"), folder, rules, *story)
    assert done.returncode == 0, done.stdout + done.stderr


def both(finding: AnyFinding, server: str) -> list[Alert]:
    return [page(finding, severity, server) for severity in finding.severities]
