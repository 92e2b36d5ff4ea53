"""The dashboard keeps to the rules that Grafana's users know, and asks for what exists."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from alerts._base import Severity
from alerts._catalogue import all_findings
from alerts.own_metrics import OWN_METRICS, UP
from collectors._catalogue import all_collectors
from grafana import verdict_panels
from grafana.overview import overview
from grafana.queries import fact, metric_of, own
from tests.alerts.promql_selectors import selectors

DASHBOARD = json.loads(overview())
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
OURS = {metric.name: metric.labels for metric in OWN_METRICS}
FACTS = {
    metric.name: metric.labels
    for collector in all_collectors().values()
    for metric in collector.metrics
}
SCRAPED = {"job", "instance"}

each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def queries() -> Iterator[Any]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for variable in VARIABLES.values():
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])
            assert asked
            yield pytest.param(asked[1], id=f"variable {variable['name']}")


each_query = pytest.mark.parametrize("query", list(queries()))


def parsed(query: str) -> Any:
    """With Grafana's variables filled in as Grafana does."""
    return promql_parser.parse(query.replace("$__rate_interval", "1m").replace("$", ""))


@each_query
def test_query_asks_for_what_is_served(query: str) -> None:
    """Every metric exists, and has every label that it is asked by."""
    asked = list(selectors(parsed(query)))
    assert asked
    for selector in asked:
        assert selector.name is not None, "a selector names its metric"
        family = next(
            (name for name in FACTS if name.endswith("*") and selector.name.startswith(name[:-1])),
            "",
        )
        labels = OURS.get(selector.name) or FACTS.get(selector.name, FACTS.get(family))
        assert labels is not None, f"nobody serves {selector.name}"
        named = {matcher.name for matcher in selector.matchers.matchers}
        assert named <= {*labels, *SCRAPED, "server"}


@each_panel
def test_panel_query_keeps_to_the_choice(panel: Any) -> None:
    """Every selector of every panel is narrowed to the chosen job and instance."""
    for target in panel["targets"]:
        for selector in selectors(parsed(target["expr"])):
            chosen = {m.name: m.value for m in selector.matchers.matchers}
            assert {label: chosen.get(label) for label in SCRAPED} == {
                label: label for label in SCRAPED
            }


@each_panel
def test_panel_says_what_it_shows(panel: Any) -> None:
    """Title, description and unit are there, and the data source is the chosen one."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


@each_panel
def test_rates_use_the_interval_that_fits(panel: Any) -> None:
    """Grafana knows scrape interval and zoom; no rate has a window of its own."""
    for target in panel["targets"]:
        windows = re.findall(r"\[(.*?)\]", target["expr"])
        assert set(windows) <= {"$__rate_interval"}


@each_panel
def test_gauges_have_no_rate_and_counters_have(panel: Any) -> None:
    """A counter is never drawn raw, and nothing else is taken a rate of."""
    for target in panel["targets"]:
        for name in (selector.name for selector in selectors(parsed(target["expr"]))):
            rated = f"rate({name}{{" in target["expr"]
            types = {metric.name: metric.type for metric in OWN_METRICS}
            assert name is not None
            kind = types.get(name) or metric_of(name).type
            assert rated is (kind == "counter")


def test_variables() -> None:
    """Data source, job, server, instance and database can be chosen; choices follow the time."""
    assert list(VARIABLES) == ["datasource", "job", "server", "instance", "database", "runbooks"]
    asked = [variable for variable in VARIABLES.values() if variable["type"] == "query"]
    assert {variable["refresh"] for variable in asked} == {2}
    assert {variable["includeAll"] for variable in asked} == {True}


def test_dashboard_is_the_same_everywhere() -> None:
    """Nobody edits it by hand, it keeps its address, and nothing in it changes by itself."""
    assert DASHBOARD["editable"] is False
    assert DASHBOARD["uid"] == "pgvigil"
    assert not {"id", "version", "iteration"} & DASHBOARD.keys()
    assert overview() == overview()


def test_panels_don_t_overlap() -> None:
    """Each place of the grid is taken once, and no id twice."""
    taken = [
        (x, y)
        for position in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_ill_subjects_come_first() -> None:
    """The first table lists every finding exactly once, whatever its unit."""
    first = next(panel for panel in PANELS if panel["type"] == "table")
    assert first["title"] == "Ill subjects"
    listed = [
        name
        for target in first["targets"]
        for selector in selectors(parsed(target["expr"]))
        for matcher in selector.matchers.matchers
        if matcher.name == "finding"
        for name in matcher.value.split("|")
    ]
    assert sorted(listed) == sorted(all_findings())


def test_severities_are_sorted_by_weight() -> None:
    """The worst has the lowest number, by which the table is sorted."""
    by_rank = sorted(Severity, key=verdict_panels.rank)
    assert by_rank == [Severity.critical, Severity.warning, Severity.info]


def test_unknown_metrics_stop_the_generation() -> None:
    """A metric that is renamed breaks here and not on somebody's screen."""
    with pytest.raises(LookupError, match="pg_no_such_metric"):
        fact("pg_no_such_metric")
    with pytest.raises(LookupError, match="color"):
        own(UP, color="red")


def test_nobody_needs_the_generator_to_run() -> None:
    """What builds dashboards is for development; the commands that print them do without."""
    modules = "monitor.commands.dashboards, monitor.commands.rules, monitor.daemon"
    unwanted = "grafana_foundation_sdk"
    code = f"import sys, {modules}; sys.exit({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
