"""The rule file as text: what it may ask for, where it links to, what silences what."""

from typing import Any

import promql_parser
import pytest

from alerts._base import AlertedBy, FindingKind, Reach, Severity
from alerts._catalogue import all_findings
from alerts.prometheus.finding_rules import incident_recording
from alerts.prometheus.inhibitions import inhibitions
from alerts.prometheus.own_metrics import FINDING_SUBJECTS, OWN_METRICS, UP
from alerts.prometheus.promql import Regex, Same, one_of, select, wherever
from alerts.prometheus.rule import alert_name
from alerts.prometheus.rule_file import yaml_of
from alerts.prometheus.rulebook import RUNBOOK_BASE, all_rules, all_watchdogs, rulebook
from alerts.prometheus.runbooks import runbook
from monitor.generate.files import rules_page
from tests.alerts.prometheus.promql_selectors import selectors
from tests.fixtures.fast_yaml import read

KNOWN = {metric.name for metric in OWN_METRICS} | {"up", "ALERTS", "pgvigil:incident"}
INCIDENTS = [name for name, one in all_findings().items() if one.kind is FindingKind.incident]
RULES = [rule for _, rules in all_rules() for rule in rules]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.alert}-{rule.severity}")


@each_rule
def test_rule_asks_only_for_what_is_served(rule: Any) -> None:
    """No rule waits for a metric that does not exist."""
    asked = {selector.name for selector in selectors(promql_parser.parse(rule.expr))}
    assert asked
    assert asked <= KNOWN


@each_rule
def test_rule_links_to_a_page(rule: Any) -> None:
    """Behind every link there is a runbook."""
    assert runbook(rule.runbook) is not None


def test_every_incident_has_one_rule() -> None:
    """Named after the finding; the severity is that of the series. Reviews have none."""
    of_findings = [rule for rule in RULES if rule.severity is None]
    assert sorted(r.alert for r in of_findings) == sorted(map(alert_name, INCIDENTS))


def test_recording_asks_only_for_what_is_served() -> None:
    """What all alerts of findings stand on exists."""
    asked = {
        selector.name for selector in selectors(promql_parser.parse(incident_recording().expr))
    }
    ours = {"pgvigil_incident", "pgvigil_incidents_known", "pgvigil_build_info"}
    assert asked == {*ours, "pgvigil:incident", "up"}


def test_recording_and_alerts_are_one_group() -> None:
    """Prometheus evaluates a group in its order, at one instant: what inhibits them comes first."""
    first = read(rules_page())["groups"][0]["rules"]
    assert first[0]["record"] == "pgvigil:incident"
    assert first[1]["alert"] == "PgvigilMostServersUnreachable"
    assert len(first) == 2 + len(INCIDENTS)


def test_rules_stay_small_at_breadth() -> None:
    """With 171 incidents like those of today the file is within its budget of 250 kB."""
    known, whole = len(INCIDENTS), len(rules_page().encode())
    of_findings = sum(
        len(yaml_of([rule.content(RUNBOOK_BASE)]).encode())
        for rule in RULES
        if rule.severity is None
    )
    indent = 6 * rules_page().count("\n") * (171 - known) / len(RULES)
    assert whole + of_findings * (171 - known) / known + indent <= 250_000


def test_verdicts_are_not_held_twice() -> None:
    """The daemon has held a verdict already; only watchdogs wait, except where they inhibit alerts
    of findings; and nothing goes on by itself."""
    assert "keep_firing_for" not in rules_page()
    at_once = {name for name, dog in all_watchdogs().items() if dog.inhibits_findings}
    names = {alert_name(name) for name in all_findings().keys() | at_once}
    assert {bool(rule.hold) for rule in RULES if rule.alert in names} == {False}
    assert {bool(rule.hold) for rule in RULES if rule.alert not in names} == {True}


@pytest.mark.parametrize("base", ["https://wiki.example/pg", "https://wiki.example/pg/"])
def test_runbooks_can_live_elsewhere(base: str) -> None:
    """Another base changes every link and nothing else."""
    moved = read(rulebook(base))
    usual = read(rules_page())
    for group, same_group in zip(moved["groups"], usual["groups"], strict=True):
        for rule, same_rule in zip(group["rules"], same_group["rules"], strict=True):
            if "record" in rule:
                continue
            url = rule["annotations"].pop("runbook_url")
            name = same_rule["annotations"].pop("runbook_url").rpartition("/")[2]
            assert url == f"https://wiki.example/pg/{name}"
    assert moved == usual


def test_labels_that_nobody_serves_cannot_be_asked_for() -> None:
    """A renamed label fails when rules are generated, not at night."""
    with pytest.raises(LookupError, match="pgvigil_up has no label color"):
        select(UP, color="red")


def test_values_are_quoted() -> None:
    """Quotes, backslashes and newlines in a value stay inside it."""
    selector = promql_parser.parse(select(UP, server='a"b\\c\nd'))
    assert isinstance(selector, promql_parser.VectorSelector)
    assert [matcher.value for matcher in selector.matchers.matchers] == ['a"b\\c\nd']


def test_patterns_match_literally() -> None:
    """What has a meaning in regular expressions is escaped, and the whole value must match."""
    assert one_of(["a.b", "c|d"]) == r"a\.b|c\|d"
    assert select(FINDING_SUBJECTS, severity=Regex("a|b")) == (
        'pgvigil_finding_subjects{severity=~"a|b"}'
    )


def test_labels_of_the_alert_are_filled_in_by_prometheus() -> None:
    """A question in an annotation has a place for each, quoted by Go."""
    assert select(UP, server=Same()) == "pgvigil_up{server=%q}"


def test_where_the_daemon_runs_is_left_out() -> None:
    """An alert's identity has nothing of an address or a pod."""
    assert wherever("x", "severity") == "max without (instance, pod, node, severity) (x)"


def test_every_cause_inhibits() -> None:
    """Alertmanager knows each edge of the graph of causes, as the page folds by it.

    But an alert that stands for tables of a database does not say which, and inhibits nothing: the
    tables of its effect may be others. Nor is an alert of the whole server inhibited by a cause in
    one of its databases.
    """
    made = {
        (rule["source_matchers"][0], rule["target_matchers"][0])  # type: ignore[index]
        for rule in inhibitions()
    }
    for effect in all_findings().values():
        for cause in effect.because:
            edge = (f'alertname="{alert_name(cause)}"', f'alertname="{alert_name(effect.name)}"')
            found = all_findings()[cause]
            by_tables = found.alerted_by is AlertedBy.database
            of_all = effect.alerted_by is AlertedBy.server
            beyond = found.scope is Reach.database and of_all
            assert (edge in made) is not (by_tables or beyond)


def test_a_cause_in_a_database_inhibits_nothing_in_another() -> None:
    """Unless it is about the whole server, both alerts carry the same database."""
    by_alert = {alert_name(name): finding for name, finding in all_findings().items()}
    for rule in inhibitions():
        source = rule["source_matchers"][0]  # type: ignore[index]
        cause = by_alert.get(source.removeprefix('alertname="').removesuffix('"'))
        if cause is not None and cause.scope is Reach.database:
            assert "database" in rule["equal"]  # type: ignore[operator]


def test_a_session_inhibits_nothing_of_another_in_its_database() -> None:
    """Where both alerts stand for a subject of a database, both name the same culprit."""
    by_alert = {f'alertname="{alert_name(n)}"': finding for n, finding in all_findings().items()}
    for rule in inhibitions():
        source, target = (rule[f"{side}_matchers"][0] for side in ("source", "target"))  # type: ignore[index]
        ends = [by_alert[end] for end in (source, target) if end in by_alert]
        each = [one.scope is Reach.database and one.alerted_by is AlertedBy.subject for one in ends]
        assert ("culprit" in rule["equal"]) is (len(each) == 2 and all(each))  # type: ignore[operator]


def test_no_cause_silences_a_higher_severity() -> None:
    """What an inhibition silences is never worse than what fires."""
    for rule in inhibitions():
        source, target = (
            max(
                (s for s in Severity if any("severity" in m and s in m for m in rule[side])),  # type: ignore[attr-defined]
                key=lambda s: s.rank,
                default=Severity.critical,
            )
            for side in ("source_matchers", "target_matchers")
        )
        assert target.rank <= source.rank
