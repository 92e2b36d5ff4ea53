"""Every rule of the committed file fires and clears, with all that a page says."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from alerts._base import AlertedBy, AnyFinding, Severity, Shape
from alerts._catalogue import all_findings
from alerts.prometheus.finding_rules import finding_rule, incident_recording
from alerts.prometheus.own_metrics import BUILD_INFO, INCIDENT, INCIDENTS_KNOWN, UP
from alerts.prometheus.reached_servers import LOST
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rulebook import RUNBOOK_BASE
from tests.alerts.prometheus.promtool_scene import (
    FELL_ILL,
    RECOVERED,
    SCRAPED,
    STEP,
    expect,
    ill_then_well,
    promtool_test,
    series,
)
from tests.findings.story import RULES, both, identity, ill_series, page, play
from tests.fixtures.requirements import Tool

each_rule = pytest.mark.parametrize(
    ("finding", "severity"),
    [(f, s) for f in all_findings().values() if not f.is_review for s in f.severities],
    ids=lambda part: getattr(part, "name", str(part)),
)


@each_rule
def test_rule_fires_and_clears(
    finding: AnyFinding, severity: Severity, tool: Tool, tmp_path: Path
) -> None:
    """A subject of that severity raises its alert and all milder ones, which end with it."""
    name = alert_name(finding.name)
    milder = [s for s in finding.severities if s.rank <= severity.rank]
    pages = [page(finding, s, "shop-1") for s in milder]
    story = [
        expect(FELL_ILL - STEP, name),
        expect(FELL_ILL, name, pages),
        expect(RECOVERED - STEP, name, pages),
        expect(RECOVERED, name),
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


@pytest.mark.parametrize(("watched", "waits"), [(2, 0), (3, 1)])
def test_a_lost_server_of_many_waits_for_the_others(
    watched: int, waits: int, tool: Tool, tmp_path: Path
) -> None:
    """Those that were lost with it may be known a scrape later; one alert stands for them then."""
    lost = all_findings()[LOST]
    ill = list(ill_series(lost, Severity.critical, "shop-1"))
    ill += [series(UP, "1x600", server=f"shop-{n + 1}") for n in range(watched)]
    pages = [page(lost, s, "shop-1") for s in lost.severities]
    fires = FELL_ILL + waits * STEP
    story = [expect(fires - STEP, alert_name(LOST)), expect(fires, alert_name(LOST), pages)]
    play(tool, tmp_path, ill, story)


def incident(values: str, server: str, **scraped: str) -> dict[str, str]:
    """The series of one incident of the finding that these stories are about."""
    which = {"server": server, "finding": IDLE.name, **identity(IDLE)}
    return series(INCIDENT, values, severity="warning", **which, **scraped)


def known(values: str, server: str, **scraped: str) -> dict[str, str]:
    return series(INCIDENTS_KNOWN, values, server=server, finding=IDLE.name, **scraped)


IDLE = all_findings()["idle_in_transaction"]
PAGED = [page(IDLE, Severity.warning, "shop-1", told=False)]
ALERT = alert_name(IDLE.name)


def test_daemon_that_moves_keeps_its_alerts(tool: Tool, tmp_path: Path) -> None:
    """Another pod at another address goes on with the same alert, over a gap of ten minutes."""
    elsewhere = {"instance": "10.0.0.9:19187", "pod": "b"}
    ill = [
        incident("90x9 stale", "shop-1", pod="a"),
        known("1x9 stale", "shop-1", pod="a"),
        incident("_x31 90x20", "shop-1", **elsewhere),
        known("_x31 1x20", "shop-1", **elsewhere),
    ]
    story = [expect(step * STEP, ALERT, PAGED) for step in range(1, 50)]
    play(tool, tmp_path, ill, story)


def test_silence_is_held_for_an_hour(tool: Tool, tmp_path: Path) -> None:
    """While no page says that it is over the alert goes on, and then it ends."""
    ill = [incident("90x10 stale", "shop-1"), known("1x10 stale", "shop-1")]
    last = 10 * STEP
    story = [
        expect(last + timedelta(minutes=59), ALERT, PAGED),
        expect(last + timedelta(minutes=61), ALERT),
    ]
    play(tool, tmp_path, ill, story)


def test_cured_while_nobody_looked(tool: Tool, tmp_path: Path) -> None:
    """The first page that knows the finding and not the incident ends it."""
    ill = [incident("90x10 stale", "shop-1"), known("1x10 stale _x9 1x50", "shop-1")]
    story = [expect(19 * STEP, ALERT, PAGED), expect(21 * STEP, ALERT)]
    play(tool, tmp_path, ill, story)


def test_unknown_elsewhere_holds_nothing(tool: Tool, tmp_path: Path) -> None:
    """Only silence about that server and that finding holds an incident."""
    ill = [
        incident("90x10 stale", "shop-1"),
        known("1x60", "shop-1"),
        known("1x10 stale", "shop-2"),
        series(INCIDENTS_KNOWN, "1x10 stale", server="shop-1", finding="table_bloat"),
    ]
    play(tool, tmp_path, ill, [expect(12 * STEP, ALERT)])


def test_what_prometheus_kept_over_its_own_restart(tool: Tool, tmp_path: Path) -> None:
    """A sample older than its target's last scrape is none that holds now."""
    ill = [incident("90x10 _x40", "shop-1"), known("1x60", "shop-1"), scraped("1x60")]
    story = [expect(10 * STEP, ALERT, PAGED), expect(11 * STEP, ALERT)]
    play(tool, tmp_path, ill, story)


def scraped(values: str, **where: str) -> dict[str, str]:
    """Prometheus's own `up` of a target."""
    labels = {**SCRAPED, **where}
    written = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"up{{{written}}}", "values": values}


def scraped_page(values: str, **where: str) -> list[dict[str, str]]:
    """The same, with what stands on each page."""
    return [scraped(values, **where), series(BUILD_INFO, values, **where)]


def test_no_page_after_prometheus_restarted(tool: Tool, tmp_path: Path) -> None:
    """That a finding was known before is no knowledge where the scrapes since then failed."""
    ill = [
        incident("90x10 _x40", "shop-1"),
        known("1x10 _x40", "shop-1"),
        scraped("1x10 0x40"),
    ]
    play(tool, tmp_path, ill, [expect(step * STEP, ALERT, PAGED) for step in (10, 11, 15, 30)])


def test_pod_replaced_while_prometheus_was_away(tool: Tool, tmp_path: Path) -> None:
    """What the new pod has overtaken is over after a minute, and not after five."""
    new = {"instance": "10.0.0.9:19187"}
    ill = [
        incident("90x10 _x40", "shop-1"),
        known("1x10 _x40", "shop-1"),
        *scraped_page("1x10 _x40"),
        known("_x11 1x40", "shop-1", **new),
        *scraped_page("_x11 1x40", **new),
    ]
    story = [expect(11 * STEP, ALERT, PAGED), expect(13 * STEP, ALERT)]
    play(tool, tmp_path, ill, story)


def test_two_daemons_watch_one_server(tool: Tool, tmp_path: Path) -> None:
    """Scraped at different times, they are no reason to take what one says for old."""
    other = {"instance": "10.0.0.9:19187"}
    ill = [
        incident("90 _ 90 _ 90 _ 90 _ 90 _ 90 _ 90 _ 90", "shop-1"),
        known("1 _ 1 _ 1 _ 1 _ 1 _ 1 _ 1 _ 1", "shop-1"),
        known("_ 1 _ 1 _ 1 _ 1 _ 1 _ 1 _ 1 _", "shop-1", **other),
    ]
    play(tool, tmp_path, ill, [expect(step * STEP, ALERT, PAGED) for step in range(1, 14)])


@pytest.mark.parametrize("behind", range(1, 4))
def test_two_daemons_scraped_every_two_minutes(behind: int, tool: Tool, tmp_path: Path) -> None:
    """Where one of them sees no incident, the other's is current until its next scrape."""
    other = {"instance": "10.0.0.9:19187"}
    one, two = "_ _ _ 1 " * 10, "_ " * behind + "_ _ _ 1 " * 10
    ill = [
        incident(one.replace("1", "90"), "shop-1"),
        known(one, "shop-1"),
        *scraped_page(one),
        known(two, "shop-1", **other),
        *scraped_page(two, **other),
    ]
    play(tool, tmp_path, ill, [expect(step * STEP, ALERT, PAGED) for step in range(3, 39)])


def test_two_incidents_are_two_alerts(tool: Tool, tmp_path: Path) -> None:
    """Each begins and ends by itself, also where they have the same name."""
    of = {"server": "shop-1", "finding": IDLE.name, "database": "shop", "severity": "warning"}
    ill = [
        series(INCIDENT, "_x5 90x40", incident="0a", **of),
        series(INCIDENT, "_x10 90x10 stale", incident="0b", **of),
        known("1x60", "shop-1"),
    ]
    one, other = (
        replace(PAGED[0], labels={**PAGED[0].labels, "incident": i}) for i in ("0a", "0b")
    )
    story = [
        expect(7 * STEP, ALERT, [one]),
        expect(12 * STEP, ALERT, [one, other]),
        expect(22 * STEP, ALERT, [one]),
    ]
    play(tool, tmp_path, ill, story)


def test_severity_that_rises_keeps_the_warning(tool: Tool, tmp_path: Path) -> None:
    """The warning goes on beside the critical alert, so nobody is told that it is over."""
    which = {"server": "shop-1", "finding": IDLE.name, **identity(IDLE)}
    critical = series(INCIDENT, ill_then_well("_", "90"), severity="critical", **which)
    ill = [incident("90x60", "shop-1"), critical, known("1x60", "shop-1")]
    worse = page(IDLE, Severity.critical, "shop-1", told=False)
    story = [
        expect(FELL_ILL - STEP, ALERT, PAGED),
        expect(FELL_ILL, ALERT, [*PAGED, worse]),
        expect(RECOVERED, ALERT, PAGED),
    ]
    play(tool, tmp_path, ill, story)


@pytest.mark.parametrize("alerted_by", AlertedBy)
@pytest.mark.parametrize("shape", Shape)
def test_every_way_to_alert(
    alerted_by: AlertedBy, shape: Shape, tool: Tool, tmp_path: Path
) -> None:
    """By server, database or subject, condition or event: a finding of any kind has good rules."""
    finding = replace(IDLE, alerted_by=alerted_by, shape=shape, unit="bytes")
    name, rules = alert_name(finding.name), only(finding, tmp_path)
    story = [
        expect(FELL_ILL - STEP, name),
        expect(FELL_ILL, name, both(finding, "shop-1")),
        expect(RECOVERED, name),
    ]
    ill = list(ill_series(finding, Severity.critical, "shop-1"))
    play(tool, tmp_path, ill, story, rules=rules)


def only(finding: AnyFinding, folder: Path) -> Path:
    """A file with the rules of one finding, which need not be in the catalogue."""
    rules = [incident_recording().content(), finding_rule(finding).content(RUNBOOK_BASE)]
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
