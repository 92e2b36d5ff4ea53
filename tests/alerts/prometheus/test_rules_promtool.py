"""Every rule of the committed file fires and clears, with all that a page says."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from alerts._base import AlertedBy, AnyFinding, Severity, Shape
from alerts._catalogue import all_findings
from alerts.prometheus.finding_rules import RESTART, finding_rules, keep_firing
from alerts.prometheus.own_metrics import (
    FINDING_EVENTS,
    FINDING_STATE,
    FINDING_SUBJECTS,
)
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import RUNBOOK_BASE
from monitor.generate.files import default_paces
from tests.alerts.prometheus.promtool_scene import (
    FELL_ILL,
    ILL_FOR,
    RECOVERED,
    STEP,
    WELL_FOR,
    expect,
    ill_then_well,
    promtool_test,
    series,
)
from tests.findings.story import RULES, both, ill_series, page, play
from tests.fixtures.requirements import Tool

each_rule = pytest.mark.parametrize(
    ("finding", "severity"),
    [(f, s) for f in all_findings().values() for s in f.severities],
    ids=lambda part: getattr(part, "name", str(part)),
)


@each_rule
def test_rule_fires_and_clears(
    finding: AnyFinding, severity: Severity, tool: Tool, tmp_path: Path
) -> None:
    """A subject of that severity raises its alert and all milder ones, which end with it."""
    name = alert_name(finding.name)
    kept = keep_firing(finding, default_paces())
    milder = [s for s in finding.severities if s.rank <= severity.rank]
    pages = [page(finding, s, "shop-1") for s in milder]
    story = [
        expect(FELL_ILL - STEP, name),
        expect(FELL_ILL, name, pages),
        expect(RECOVERED - STEP, name, pages),
        expect(RECOVERED + kept / 2, name, pages),
        expect(RECOVERED + kept + 2 * STEP, name),
    ]
    play(tool, tmp_path, list(ill_series(finding, severity, "shop-1")), story)


@each_rule
def test_rule_that_is_wrong_is_noticed(
    finding: AnyFinding, severity: Severity, tool: Tool, tmp_path: Path
) -> None:
    """The story of a rule fails on a rule file whose selectors name another finding."""
    broken = tmp_path / "broken.yml"
    broken.write_text(RULES.read_text().replace(f'="{finding.name}"', '="other"'))
    story = [expect(FELL_ILL, alert_name(finding.name), [page(finding, severity, "shop-1")])]
    ill = list(ill_series(finding, severity, "shop-1"))
    done = promtool_test(tool("promtool"), tmp_path, broken, ill, story)
    assert "FAILED" in done.stdout + done.stderr


def test_daemon_that_moves_keeps_its_alerts(tool: Tool, tmp_path: Path) -> None:
    """Another pod at another address goes on with the same alert, over a gap of a minute."""
    finding = all_findings()["idle_in_transaction"]
    of = {"server": "shop-1", "finding": finding.name, "severity": "warning"}
    before = series(FINDING_SUBJECTS, "1x9 stale", **of, pod="a")
    later = f"_x{WELL_FOR + 2} 1x{ILL_FOR}"
    after = series(FINDING_SUBJECTS, later, **of, instance="10.0.0.9:19187", pod="b")
    expected = [page(finding, Severity.warning, "shop-1", worst=False)]
    name = alert_name(finding.name)
    story = [expect(step * STEP, name, expected) for step in range(1, WELL_FOR + ILL_FOR)]
    play(tool, tmp_path, [before, after], story)


@pytest.mark.parametrize("alerted_by", AlertedBy)
@pytest.mark.parametrize("shape", Shape)
def test_every_way_to_alert(
    alerted_by: AlertedBy, shape: Shape, tool: Tool, tmp_path: Path
) -> None:
    """By server, database or subject, condition or event: a finding of any kind has good rules."""
    finding = replace(
        all_findings()["idle_in_transaction"], alerted_by=alerted_by, shape=shape, unit="bytes"
    )
    name, rules = alert_name(finding.name), only(finding, tmp_path)
    story = [
        expect(FELL_ILL - STEP, name),
        expect(FELL_ILL, name, both(finding, "shop-1")),
        expect(RECOVERED + RESTART + 2 * STEP, name),
    ]
    ill = list(ill_series(finding, Severity.critical, "shop-1"))
    play(tool, tmp_path, ill, story, rules=rules)


def test_event_counted_before_a_restart_still_alerts(tool: Tool, tmp_path: Path) -> None:
    """A counter that grew is enough where no occurrence is known, unless it was muted."""
    finding = replace(all_findings()["idle_in_transaction"], shape=Shape.event)
    name, rules = alert_name(finding.name), only(finding, tmp_path)
    grown = f"0x{WELL_FOR - 1} 1x600"
    ill = [
        series(FINDING_EVENTS, grown, server="heard", finding=finding.name),
        series(FINDING_EVENTS, grown, server="muted", finding=finding.name),
        series(
            FINDING_STATE,
            ill_then_well("0", "1"),
            state="muted",
            server="muted",
            finding=finding.name,
        ),
    ]
    heard = page(finding, Severity.warning, "heard", worst=False)
    story = [
        expect(FELL_ILL - STEP, name),
        expect(FELL_ILL, name, [heard]),
        expect(FELL_ILL + finding.linger + RESTART + 2 * STEP, name),
    ]
    play(tool, tmp_path, ill, story, rules=rules)


def only(finding: AnyFinding, folder: Path) -> Path:
    """A file with the rules of one finding, be it in the catalogue or not."""
    rules = [rule.content(RUNBOOK_BASE) for rule in finding_rules(finding, default_paces())]
    file = folder / "only.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "only", "rules": rules}]}))
    return file


def test_rules_are_clean(tool: Tool) -> None:
    """The committed file is read by promtool without an objection, lint included."""
    done = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
