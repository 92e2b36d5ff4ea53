"""What a page says where names are hostile, subjects many, or none is known."""

from pathlib import Path

from alerts._base import Severity
from alerts._catalogue import all_findings
from alerts.prometheus.annotations import why
from alerts.prometheus.own_metrics import (
    FINDING_CURE,
    FINDING_DATABASE_SUBJECTS,
    FINDING_SUBJECT,
    FINDING_SUBJECTS,
)
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import RUNBOOK_BASE
from tests.alerts.prometheus.promtool_scene import (
    FELL_ILL,
    Alert,
    expect,
    ill_then_well,
    series,
)
from tests.findings.story import CURE, both, ill_series, page, play
from tests.fixtures.requirements import Tool

HOSTILE = "o\"rder's \\ `{{ .Value }}` %q %s $labels\n🐘"


def test_server_with_a_hostile_name(tool: Tool, tmp_path: Path) -> None:
    """Quotes, backslashes, newlines and template marks in a server's name reach the page whole."""
    finding = all_findings()["idle_in_transaction"]
    warning = page(finding, Severity.warning, HOSTILE)
    other = ill_series(finding, Severity.critical, "another")
    story = [expect(FELL_ILL, alert_name(finding.name), [warning, *both(finding, "another")])]
    ill = [*ill_series(finding, Severity.warning, HOSTILE), *other]
    play(tool, tmp_path, ill, story)


def test_worst_ten_are_shown_in_order(tool: Tool, tmp_path: Path) -> None:
    """A page lists at most ten subjects, the highest value first."""
    finding = all_findings()["idle_in_transaction"]
    of = {"server": "shop-1", "finding": finding.name, "severity": "warning"}
    ill = [
        series(FINDING_SUBJECTS, ill_then_well("0", "12"), **of),
        *(
            series(FINDING_SUBJECT, f"{60 * n}x40", subject=f"s{n}", database="", **of)
            for n in range(1, 13)
        ),
    ]
    lines = "".join(f"\n- s{n}: {n}m 0s" for n in range(12, 2, -1))
    expected = page(finding, Severity.warning, "shop-1", worst=False)
    expected.annotations["summary"] += ": s12 (12m 0s)"
    expected.annotations["description"] += f"\nWorst:{lines}"
    play(tool, tmp_path, ill, [expect(FELL_ILL, alert_name(finding.name), [expected])])


def test_page_without_known_subjects(tool: Tool, tmp_path: Path) -> None:
    """Where Prometheus knows no subject, the page still says why it matters."""
    finding = all_findings()["idle_in_transaction"]
    of = {"server": "shop-1", "finding": finding.name, "severity": "warning"}
    expected = page(finding, Severity.warning, "shop-1", worst=False)
    story = [expect(FELL_ILL, alert_name(finding.name), [expected])]
    play(tool, tmp_path, [series(FINDING_SUBJECTS, "1x40", **of)], story)


def test_subject_of_no_database(tool: Tool, tmp_path: Path) -> None:
    """What belongs to no single database is told without one, with its cure."""
    finding = all_findings()["lock_blocker_root"]
    of = {"server": "shop-1", "finding": finding.name}
    subject = {"database": "", "subject": "pid 7", **of}
    ill = [
        series(FINDING_DATABASE_SUBJECTS, "1x40", database="", severity="warning", **of),
        series(FINDING_SUBJECT, "90x40", severity="warning", **subject),
        series(FINDING_CURE, "1x40", cure=CURE, **subject),
    ]
    expected = Alert(
        {
            "job": "pgvigil",
            "finding": finding.name,
            "severity": Severity.warning,
            "server": "shop-1",
        },
        {
            "summary": "Lock blocker on shop-1: pid 7 (1m 30s)",
            "description": f"{why(finding)}\nWorst:\n- pid 7: 1m 30s",
            "cure": f"pid 7: {CURE}",
            "runbook_url": f"{RUNBOOK_BASE}/{finding.name}",
        },
    )
    play(tool, tmp_path, ill, [expect(FELL_ILL, alert_name(finding.name), [expected])])
