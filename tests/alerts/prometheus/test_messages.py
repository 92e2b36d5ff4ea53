"""What a page says where names are hostile, or nothing is known."""

from pathlib import Path

from alerts._base import Severity
from alerts._catalogue import all_findings
from alerts.prometheus.own_metrics import INCIDENT, INCIDENT_INFO
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import RUNBOOK_BASE
from tests.alerts.prometheus.promtool_scene import FELL_ILL, Alert, expect, series
from tests.findings.story import both, identity, ill_series, page, play
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


def test_page_of_which_no_text_is_known(tool: Tool, tmp_path: Path) -> None:
    """Where Prometheus has no text of the incident, the page still says what and why."""
    finding = all_findings()["idle_in_transaction"]
    of = {"server": "shop-1", "finding": finding.name, **identity(finding)}
    ill = [series(INCIDENT, "90x40", severity="warning", **of)]
    expected = page(finding, Severity.warning, "shop-1", told=False)
    play(tool, tmp_path, ill, [expect(FELL_ILL, alert_name(finding.name), [expected])])


def test_subject_of_no_database(tool: Tool, tmp_path: Path) -> None:
    """What belongs to no single database is told without one."""
    finding = all_findings()["lock_blocker_root"]
    of = {"server": "shop-1", "finding": finding.name, "incident": "0a"}
    told = {"subject": "pid 7", "message": "It blocks.", "cure": "SELECT 1;"}
    ill = [
        series(INCIDENT, "90x40", severity="warning", database="", **of),
        series(INCIDENT_INFO, "1x40", database="", **told, **of),
    ]
    texts = {
        "summary": "Lock blocker on shop-1: pid 7 (1m 30s)",
        "description": f"It blocks.\n{finding.why}",
        "cure": "SELECT 1;",
        "runbook_url": f"{RUNBOOK_BASE}/{finding.name}",
    }
    expected = Alert({"job": "pgvigil", "severity": Severity.warning, **of}, texts)
    play(tool, tmp_path, ill, [expect(FELL_ILL, alert_name(finding.name), [expected])])


def test_those_without_a_place_are_counted(tool: Tool, tmp_path: Path) -> None:
    """What has no alert of its own is one more alert, with their number."""
    finding = all_findings()["lock_blocker_root"]
    of = {"server": "shop-1", "finding": finding.name, "incident": "others"}
    told = {"subject": "others", "message": "Beyond the ten.", "cure": ""}
    ill = [
        series(INCIDENT, "4x40", severity="warning", database="", **of),
        series(INCIDENT_INFO, "1x40", database="", **told, **of),
    ]
    texts = {
        "summary": "Lock blocker on shop-1: 4 more",
        "description": f"Beyond the ten.\n{finding.why}",
        "cure": "",
        "runbook_url": f"{RUNBOOK_BASE}/{finding.name}",
    }
    expected = Alert({"job": "pgvigil", "severity": Severity.warning, **of}, texts)
    play(tool, tmp_path, ill, [expect(FELL_ILL, alert_name(finding.name), [expected])])
