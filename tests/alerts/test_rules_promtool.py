"""Every rule of the committed file fires and clears, with all that a page says."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts._base import AlertedBy, Finding, Severity, Shape
from alerts._catalogue import all_findings
from alerts.annotations import BEYOND_SERVER, IN_THE_RUNBOOK, why
from alerts.finding_rules import RESTART, finding_rules, keep_firing
from alerts.own_metrics import (
    FINDING_CURE,
    FINDING_DATABASE_SUBJECTS,
    FINDING_EVENTS,
    FINDING_STATE,
    FINDING_SUBJECT,
    FINDING_SUBJECTS,
)
from alerts.rule import alert_name
from alerts.rulebook import RUNBOOK_BASE
from monitor.generated import default_paces
from tests.alerts.promtool_scene import (
    FELL_ILL,
    ILL_FOR,
    RECOVERED,
    STEP,
    WELL_FOR,
    Alert,
    expect,
    ill_then_well,
    promtool_test,
    series,
)
from tests.fixtures.requirements import Tool

RULES = Path(__file__).parents[2] / "alerts" / "rules" / "pgvigil.yml"
SHOWN_AS = {"seconds": "1m 30s", "bytes": "90B", "share": "9000%", "ratio": "9000%"}
"""How 90 reads in each unit."""
CURE = "/* Ask `first`: */ SELECT 'end', \"it\";"

each_rule = pytest.mark.parametrize(
    ("finding", "severity"),
    [(f, s) for f in all_findings().values() for s in f.severities],
    ids=lambda part: getattr(part, "name", str(part)),
)


def ill_series(finding: Finding[Any], severity: Severity, server: str) -> Iterator[dict[str, str]]:
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


def page(finding: Finding[Any], severity: Severity, server: str, worst: bool = True) -> Alert:
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


@each_rule
def test_rule_fires_and_clears(
    finding: Finding[Any], severity: Severity, tool: Tool, tmp_path: Path
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
    finding: Finding[Any], severity: Severity, tool: Tool, tmp_path: Path
) -> None:
    """The story of a rule fails on a rule file whose selectors name another finding."""
    broken = tmp_path / "broken.yml"
    broken.write_text(RULES.read_text().replace(f'="{finding.name}"', '="other"'))
    story = [expect(FELL_ILL, alert_name(finding.name), [page(finding, severity, "shop-1")])]
    ill = list(ill_series(finding, severity, "shop-1"))
    done = promtool_test(tool("promtool"), tmp_path, broken, ill, story)
    assert "FAILED" in done.stdout + done.stderr


HOSTILE = "o\"rder's \\ `{{ .Value }}` %q %s $labels\n🐘"


def test_server_with_a_hostile_name(tool: Tool, tmp_path: Path) -> None:
    """Quotes, backslashes, newlines and template marks in a server's name reach the page whole."""
    finding = all_findings()["idle_in_transaction"]
    warning = page(finding, Severity.warning, HOSTILE)
    other = ill_series(finding, Severity.critical, "another")
    story = [expect(FELL_ILL, alert_name(finding.name), [warning, *both(finding, "another")])]
    ill = [*ill_series(finding, Severity.warning, HOSTILE), *other]
    play(tool, tmp_path, ill, story)


def both(finding: Finding[Any], server: str) -> list[Alert]:
    return [page(finding, severity, server) for severity in finding.severities]


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


def only(finding: Finding[Any], folder: Path) -> Path:
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
